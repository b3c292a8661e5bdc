"""Kinds of files that hold more than one plain image: animations, long texts, photographs of phones, print colours."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, PngImagePlugin

from ugbench.data import images
from ugbench.data.images import FORMATS, inspect_image, list_images, read_image
from ugbench.errors import DataError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def pixel(path: Path, x: int = 0, y: int = 0) -> tuple[int, ...]:
    return tuple(np.asarray(read_image(path))[y, x].tolist())


def frames(*colours: tuple[int, int, int]) -> list[Image.Image]:
    return [Image.new("RGB", (16, 16), colour) for colour in colours]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif"])
def test_an_animation_is_refused_with_the_number_of_its_frames(tmp_path: Path, suffix: str) -> None:
    first, *others = frames(RED, GREEN, BLUE)
    first.save(tmp_path / f"x.{suffix}", save_all=True, append_images=others, duration=100)
    with pytest.raises(DataError, match=rf"x\.{suffix}: an animation of 3 frames; save the one that you want as a fil"):
        read_image(tmp_path / f"x.{suffix}")


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif"])
def test_an_animation_of_a_single_frame_is_an_image(tmp_path: Path, suffix: str) -> None:
    frames(RED)[0].save(tmp_path / f"x.{suffix}", save_all=True, duration=100)
    assert pixel(tmp_path / f"x.{suffix}") == pytest.approx(RED, abs=3)


def test_a_picture_of_a_phone_with_a_second_one_behind_it_is_its_first(tmp_path: Path) -> None:
    first, *others = frames(RED, GREEN)
    first.save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=others)
    with Image.open(tmp_path / "x.jpg") as stored:
        assert (stored.format, getattr(stored, "n_frames", 1)) == ("MPO", 2)
    assert pixel(tmp_path / "x.jpg") == pytest.approx(RED, abs=3)
    assert inspect_image(tmp_path / "x.jpg")[1].format == "JPEG"


def test_a_gif_keeps_its_colours_and_its_transparent_colour_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "x.gif", transparency=0)
    assert [pixel(tmp_path / "x.gif", x) for x in (0, 1)] == [WHITE, GREEN]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(path: Path, *chunks: bytes, behind: bool = False) -> Path:
    """A red PNG of 2 x 1 px with more chunks before its pixels, or behind them."""
    stream = io.BytesIO()
    Image.new("RGB", (2, 1), RED).save(stream, format="PNG")
    content = stream.getvalue()
    place = content.index(b"IEND") - 4 if behind else content.index(b"IDAT") - 4
    path.write_bytes(content[:place] + b"".join(chunks) + content[place:])
    return path


LONG = 3 << 20  # bytes, three times what Pillow takes
TEXTS = {
    "packed": [chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"x" * LONG))],
    "international": [chunk(b"iTXt", b"prompt\0\x01\0\0\0" + zlib.compress(b"x" * LONG))],
    "XMP": [chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + zlib.compress(b"x" * LONG))],
    "EXIF": [chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\n\nexif\n" + b"0" * LONG))],
    "many": [chunk(b"tEXt", b"workflow\0" + b"x" * (5 << 20))] * 14,
    "profile": [chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"x" * LONG))],
}


@pytest.mark.parametrize("behind", [False, True], ids=["before the pixels", "behind them"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_png_with_a_long_text_is_read(tmp_path: Path, name: str, behind: bool) -> None:
    path = png_with(tmp_path / "x.png", *TEXTS[name], behind=behind)
    assert pixel(path) == RED
    assert PngImagePlugin.MAX_TEXT_CHUNK == 1 << 20  # Pillow's own limits are as they were


@pytest.mark.parametrize(
    ("name", "kind"),
    [("XML:com.adobe.xmp", "iTXt"), ("Raw profile type exif", "iTXt"), ("Raw profile type exif", "zTXt")],
)
def test_a_text_that_says_how_the_image_lies_counts_beside_a_long_one(tmp_path: Path, name: str, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    raw = exif.tobytes()
    text = f"\nexif\n{len(raw):8}\n{raw.hex()}\n" if "exif" in name else '<rdf tiff:Orientation="6"/>'
    flags = b"\x01\0\0\0" if kind == "iTXt" else b"\0"
    orientation = chunk(kind.encode(), name.encode() + b"\0" + flags + zlib.compress(text.encode()))
    path = png_with(tmp_path / "x.png", orientation, *TEXTS["packed"])
    assert read_image(path).size == (1, 2)


def test_the_pixels_of_a_png_with_a_long_text_are_limited_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = png_with(tmp_path / "x.png", *TEXTS["packed"])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    with pytest.raises(DataError, match="exceeds limit"):
        read_image(path)


def test_a_sixteen_bit_colour_that_stands_for_transparency_is_white(tmp_path: Path) -> None:
    rows = b"\0" + struct.pack(">6H", 0x8000, 0, 0, 0x1234, 0xFFFF, 0)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    parts = (header, chunk(b"tRNS", struct.pack(">3H", 0x8000, 0, 0)), chunk(b"IDAT", zlib.compress(rows)))
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b""))
    assert [pixel(tmp_path / "x.png", x) for x in (0, 1)] == [WHITE, (18, 255, 0)]


def test_a_print_jpeg_with_inverted_inks_is_no_negative(tmp_path: Path) -> None:
    """Adobe stores 255 for no ink and says so in a marker; Pillow writes such files."""
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "x.jpg", quality=95)
    assert b"Adobe" in (tmp_path / "x.jpg").read_bytes()
    assert pixel(tmp_path / "x.jpg", 8, 8) == pytest.approx(RED, abs=3)


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Path]:
    """photo(orientation): a HEIC of 48 x 32 px, red on the left and green on the right half as stored."""

    def make(orientation: int = 1, more: list[Image.Image] | None = None) -> Path:
        image = Image.new("RGB", (48, 32), RED)
        image.paste(GREEN, (24, 0, 48, 32))
        exif = Image.Exif()
        exif[0x0112] = orientation
        heif = pillow_heif.from_pillow(image)
        for extra in more or []:
            heif.add_from_pillow(extra)
        heif.save(tmp_path / "x.heic", exif=exif.tobytes(), quality=90)
        return tmp_path / "x.heic"

    return make


def test_a_photograph_of_a_phone_is_read_upright(photo: Callable[..., Path]) -> None:
    path = photo(6)  # to be shown turned by 90 degrees clockwise: the left half is on top
    image, header = inspect_image(path)
    assert (header.format, image.size) == ("HEIF", (32, 48))
    assert pixel(path, 16, 8) == pytest.approx(RED, abs=12)
    assert pixel(path, 16, 40) == pytest.approx(GREEN, abs=12)
    assert list_images(path.parent) == [path]


def test_several_photographs_in_one_file_are_refused(photo: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"x\.heic: a collection of 3 images; save the one that you want"):
        read_image(photo(more=frames(BLUE, WHITE)))


def test_without_pillow_heif_a_photograph_is_refused_with_what_to_install(
    photo: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photo()
    monkeypatch.setattr(images, "reads_heif", lambda: False)
    with pytest.raises(DataError, match=r"x\.heic: .*for HEIC, install ugbench\[heic\], or replace or remove it"):
        read_image(path)
    with pytest.raises(DataError, match="holds no image"):
        list_images(path.parent)


def test_opening_a_photograph_opens_no_other_format(photo: Callable[..., Path]) -> None:
    """The decoder is registered with Pillow, and still only files of the listed formats are decoded."""
    read_image(photo())
    path = photo().with_name("x.png")
    Image.new("RGB", (4, 4)).save(path, format="ICO")
    with pytest.raises(DataError, match=f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"):
        read_image(path)
