"""Bad archives for `ugbench data import`: damaged ones, and ones that try to write elsewhere or to fill the disk."""

from __future__ import annotations

import io
import os
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bad_inputs import ANY, REFUSED, Case, Command, drawn
from mutations import mutate

GOOD = ("good.zip", "good.tar", "good.tar.gz", "good.tar.xz")
PIXEL = b"\x89PNG\r\n\x1a\n"
FIRST = "photos2prints/trainA/0.png"


def command(file: str) -> Command:
    """`ugbench data import` of a file in archives/."""
    words = ("data", "import", f"archives/{file}", "--name", "imported")
    return Command(f"data import of {file}", words, ("datasets/imported",))


def bad_archives(number: int, draw: random.Random, work: Path) -> Iterator[Case]:
    """Cases of bad archives; `work` is a working folder with good input."""

    def case(name: str, file: str, make: Callable[[Path], object], codes: tuple[int, ...]) -> Case:
        return Case("archives", name, command(file), lambda room: make(room / "archives" / file) and None, codes)

    def by_hand() -> Iterator[Case]:
        for name, (file, make) in BY_HAND.items():
            yield case(name, file, make, ANY if name in TOLERATED else REFUSED)

    def at_random(own: random.Random) -> Case:
        file = own.choice(GOOD)
        content, done = mutate((work / "archives" / file).read_bytes(), own)
        return case(f"{file}, {done}", file, lambda path: path.write_bytes(content), ANY)

    return drawn(number, draw, by_hand(), at_random)


def zip_of(*names: str, mode: int = 0, content: bytes = PIXEL, repeat: int = 1) -> Callable[[Path], object]:
    """Replaces a zip by one of files with these names and this mode."""

    def make(file: Path) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in (FIRST, *names):
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16 if name != FIRST else 0
                for _ in range(repeat):
                    archive.writestr(info, content, zipfile.ZIP_DEFLATED)

    return make


def tar_of(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", claimed: int | None = None, **headers: str
) -> Callable[[Path], object]:
    """Replaces a tar by one with a good file and a member of this kind."""

    def make(file: Path) -> None:
        with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as archive:
            for member_name, member_kind in ((FIRST, tarfile.REGTYPE), (name, kind)):
                member = tarfile.TarInfo(member_name)
                member.type, member.size = member_kind, len(PIXEL) if member_kind == tarfile.REGTYPE else 0
                if member_name == name:
                    member.linkname, member.pax_headers = link, headers
                archive.addfile(member, io.BytesIO(PIXEL))
        if claimed is not None:  # a header that lies, with a checksum that fits
            content = bytearray(file.read_bytes())
            start = content.rindex(name.encode())
            content[start + 124 : start + 136] = f"{claimed:011o}\0".encode()
            content[start + 148 : start + 156] = b" " * 8
            content[start + 148 : start + 156] = f"{sum(content[start : start + 512]):06o}\0 ".encode()
            file.write_bytes(content)

    return make


def bomb(file: Path) -> None:
    """A zip of 4 GB of zeros."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(FIRST, "w", force_zip64=True) as out:
        for _ in range(4):
            out.write(bytes(64 << 20))
    content = bytearray(file.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = (2**32 - 2).to_bytes(4, "little")  # the size that the list of files gives
    file.write_bytes(content)


def encrypted(file: Path) -> None:
    """A zip that says that it is encrypted."""
    zip_of()(file)
    content = bytearray(file.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    file.write_bytes(content)


def renamed_in_place(old: bytes, new: bytes) -> Callable[[Path], object]:
    """A zip whose names have bytes that zipfile would not write."""

    def make(file: Path) -> None:
        zip_of(old.decode())(file)
        file.write_bytes(file.read_bytes().replace(old, new))

    return make


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Removes the file before another thing takes its name."""

    def replace(file: Path) -> None:
        file.unlink()
        make(file)

    return replace


LINK = stat.S_IFLNK | 0o777
# The file that is replaced, and what replaces it. All must be refused but the TOLERATED ones.
BY_HAND: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a zip that leads out of its folder": ("good.zip", zip_of("../../../outside/x.png")),
    "a zip that leads out of its folder in the middle": ("good.zip", zip_of("photos2prints/trainA/../../../x.png")),
    "a zip of an absolute name": ("good.zip", zip_of("/tmp/x.png")),
    "a zip of a name with a drive": ("good.zip", zip_of("C:/x.png")),
    "a zip of a name with backslashes": ("good.zip", renamed_in_place(b"..#..#x.png", b"..\\..\\x.png")),
    "a zip of a link": ("good.zip", zip_of("photos2prints/trainA/link.png", mode=LINK, content=b"/etc/passwd")),
    "a zip of a device": ("good.zip", zip_of("photos2prints/trainA/device.png", mode=stat.S_IFBLK | 0o666)),
    "a zip of two equal names": ("good.zip", zip_of(repeat=2)),
    "a zip of two names that differ in case": ("good.zip", zip_of("photos2prints/trainA/0.PNG")),
    "a zip of a name that is a folder too": ("good.zip", zip_of(f"{FIRST}/x.png")),
    "a zip of a long name": ("good.zip", zip_of("photos2prints/trainA/" + "x" * 5000 + ".png")),
    "a zip of a name with an escape character": ("good.zip", zip_of("photos2prints/trainA/\x1b[31m.png")),
    "a zip of a name that is not UTF-8": (
        "good.zip",
        renamed_in_place(b"photos2prints/trainA/#.png", b"photos2prints/trainA/\xff.png"),
    ),
    "a zip of zeros that says it unpacks to 4 GB": ("good.zip", bomb),
    "a zip that is encrypted": ("good.zip", encrypted),
    "a zip without files": ("good.zip", lambda file: zipfile.ZipFile(file, "w").close()),
    "a zip without splits": ("good.zip", lambda file: zip_of_one(file, "readme.txt")),
    "a tar that leads out of its folder": ("good.tar", tar_of("../../../outside/x.png")),
    "a tar of an absolute name": ("good.tar", tar_of("/tmp/x.png")),
    "a tar of a link": ("good.tar", tar_of("photos2prints/trainA/link.png", tarfile.SYMTYPE, "/etc/passwd")),
    "a tar of a link to a folder outside": (
        "good.tar",
        tar_of("photos2prints/trainB", tarfile.SYMTYPE, "../../outside"),
    ),
    "a tar of a hard link": (
        "good.tar",
        tar_of("photos2prints/trainA/link.png", tarfile.LNKTYPE, "../outside/private.txt"),
    ),
    "a tar of a device": ("good.tar", tar_of("photos2prints/trainA/null", tarfile.CHRTYPE)),
    "a tar of a pipe": ("good.tar", tar_of("photos2prints/trainA/pipe.png", tarfile.FIFOTYPE)),
    "a tar whose file says it has 8 GB": ("good.tar", tar_of("photos2prints/trainA/x.png", claimed=2**33 - 1)),
    "a tar whose extended header leads out": ("good.tar", tar_of("photos2prints/trainA/x.png", path="../../x.png")),
    "a tar whose extended header has no number as size": (
        "good.tar",
        tar_of("photos2prints/trainA/x.png", size="many"),
    ),
    "an empty file": ("good.zip", lambda file: file.write_bytes(b"")),
    "a text": ("good.tar.gz", lambda file: file.write_bytes(b"not found")),
    "a folder without images": ("good.zip", replaced_by(Path.mkdir)),
    "a link to /dev/zero": ("good.tar", replaced_by(lambda file: file.symlink_to("/dev/zero"))),
    "a pipe": ("good.tar.xz", replaced_by(os.mkfifo)),
}


TOLERATED = (
    # Such zip files come from Windows; the name is kept as it can be.
    "a zip of a name that is not UTF-8",
    # It becomes a file of no bytes, which `ugbench data check` names.
    "a tar whose extended header has no number as size",
)


def zip_of_one(file: Path, name: str) -> None:
    """A zip of one file."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"text")
