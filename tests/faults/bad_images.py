"""Bad images: damaged ones, ones that claim too much, and other things under the name of an image."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from bad_inputs import ANY, REFUSED, Case, Command, drawn
from good_inputs import FORMATS, PHOTOS, run_of
from mutations import mutate

BAD = "bad"
FOLDERS = f"{PHOTOS}/testA", f"{PHOTOS}/trainA"


def commands(good: Path) -> tuple[Command, ...]:
    """Commands that read the images of testA, and then one that reads those of trainA."""
    test, other = FOLDERS[0], f"{PHOTOS}/testB"
    cpu = ("--device", "cpu")
    eval_words = ("eval", "--real", other, "--fake", test, "--metric", "kid", "--extractor", "random", *cpu)
    train_words = ("train", "cut", "--dataset", PHOTOS, "--preset", "smoke", "--size", 32, "--steps", 1, *cpu)
    translate_words = ("translate", run_of(good, "cyclegan"), "--input", test, "--output", "translated", *cpu)
    return (
        Command("data check", ("data", "check", PHOTOS), reports=True),
        Command("translate", translate_words, ("translated",)),
        Command("eval of folders", eval_words),
        Command("train", (*train_words, "--set", "channels=4", "--batch-size", 1), ("results",)),
    )


def bad_images(number: int, draw: random.Random, good: Path) -> Iterator[Case]:
    """Cases of bad images; `good` is a folder with good input that nobody changes."""
    every = commands(good)

    def case(name: str, suffix: str, command: Command, make: Callable[[Path], object], codes: tuple[int, ...]) -> Case:
        folder = FOLDERS[command.name == "train"]
        return Case("images", name, command, lambda room: make(room / folder / f"{BAD}.{suffix}") and None, codes)

    def by_hand() -> Iterator[Case]:
        for place, (name, (suffix, make, refused)) in enumerate(BY_HAND.items()):
            # `data check` and a command that uses the images; a folder's other images may be used without the bad one.
            for command in (every[0], every[1 + place % 3]):
                codes = REFUSED if refused and command.name in ("translate", "train") else ANY
                yield case(name, suffix, command, make, codes)

    def at_random(own: random.Random) -> Case:
        suffix = own.choice(list(FORMATS))
        content, done = mutate((good / "images" / f"good.{suffix}").read_bytes(), own)
        command = own.choices(every, (4, 3, 3, 1))[0]
        return case(f"{suffix}, {done}", suffix, command, lambda file: file.write_bytes(content), ANY)

    return drawn(number, draw, by_hand(), at_random)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, colour: int = 2, bits: int = 8, pixels: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG with this header, whatever its pixels are."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def tiff(*entries: tuple[int, int, int, int], more: int = 0) -> bytes:
    """A TIFF of one directory with these entries (tag, type, count, value), which names `more` as the next one."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", more)


def bmp(width: int, height: int, bits: int) -> bytes:
    """A BMP with this header and no pixels."""
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, bits, 0, 0, 0, 0, 0, 0)


def writer(content: bytes) -> Callable[[Path], object]:
    """Writes the content to a file."""
    return lambda file: file.write_bytes(content)


BLACK = b"\0" * (1 + 3 * 4) * 4  # pixels of a PNG of 4 x 4
TEXT_BOMB = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200 << 20)))
PROFILE = chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile"))

# The suffix, what makes the file, and whether a command that needs every image must refuse it.
BY_HAND: dict[str, tuple[str, Callable[[Path], object], bool]] = {
    "an empty file": ("png", writer(b""), True),
    "a text under the name of an image": ("jpg", writer(b"<html>not found</html>"), True),
    "an SVG under the name of a PNG": ("png", writer(b'<svg xmlns="http://www.w3.org/2000/svg"/>'), True),
    "a PostScript file under the name of a TIFF": (
        "tif",
        writer(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        True,
    ),
    "a PNG of 3.6e9 pixels": ("png", writer(png(60_000, 60_000)), True),
    "a PNG of 0 x 4 pixels": ("png", writer(png(0, 4)), True),
    "a PNG without pixels": ("png", writer(png(4, 4)), True),
    "a PNG of an unknown colour type": ("png", writer(png(4, 4, colour=5, pixels=BLACK)), True),
    "a PNG of 3 bits": ("png", writer(png(4, 4, bits=3, pixels=BLACK)), True),
    "a PNG without its palette": ("png", writer(png(4, 4, colour=3, pixels=BLACK)), False),
    "a PNG with 200 MB of text": ("png", writer(png(4, 4, pixels=BLACK, extra=TEXT_BOMB)), False),
    "a PNG with a damaged profile": ("png", writer(png(4, 4, pixels=BLACK, extra=PROFILE)), False),
    "a PNG of one pixel": ("png", writer(png(1, 1, pixels=bytes(4))), False),
    "a TIFF whose directory names itself as the next one": ("tif", writer(tiff((256, 4, 1, 1), more=8)), True),
    "a TIFF without a size": ("tif", writer(tiff((258, 3, 1, 8))), True),
    "a TIFF of 1e9 x 1e9 pixels": ("tif", writer(tiff((256, 4, 1, 10**9), (257, 4, 1, 10**9), (258, 3, 1, 8))), True),
    "a TIFF with 4e9 entries in a tag": (
        "tif",
        writer(tiff((256, 4, 1, 4), (257, 4, 1, 4), (273, 4, 2**32 - 1, 8))),
        True,
    ),
    "a BMP of -2147483648 rows": ("bmp", writer(bmp(4, -(2**31), 24)), True),
    "a BMP of 2147483647 columns": ("bmp", writer(bmp(2**31 - 1, 2**31 - 1, 1)), True),
    "a BMP of 7 bits": ("bmp", writer(bmp(4, 4, 7)), True),
    "a JPEG that ends after its first marker": ("jpg", writer(b"\xff\xd8\xff"), True),
    "a WebP that is only a header": ("webp", writer(b"RIFF\xff\xff\xff\xffWEBPVP8 "), True),
    "a folder under the name of an image": ("png", Path.mkdir, False),
    "a link to nothing": ("png", lambda file: file.symlink_to("nothing"), False),
    "a link to itself": ("png", lambda file: file.symlink_to(file.name), False),
    "a link to /dev/zero": ("png", lambda file: file.symlink_to("/dev/zero"), False),
    "a pipe": ("png", os.mkfifo, False),
}
