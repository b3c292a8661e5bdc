"""Hostile archives are refused as a whole before anything is written; damaged ones leave nothing."""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from ugbench.data.acquire.archives import Limits, extract, list_files, read_text
from ugbench.data.acquire.importing import carry_out, plan_import
from ugbench.errors import DataError

CONTENT = b"\x89PNG, or not: nobody decodes it here"
GOOD = "cats/trainA/1.png"


def zip_of(path: Path, *names: str, content: bytes = CONTENT, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name in names:
            out.writestr(name, content)
    return path


def special_zip(path: Path, mode: int) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(GOOD, CONTENT)
        info = zipfile.ZipInfo("cats/trainA/2.png")
        info.create_system, info.external_attr = 3, mode << 16
        out.writestr(info, "/etc/passwd")
    return path


def tar_of(path: Path, *names: str, mode: str = "w", content: bytes = CONTENT, **special: Any) -> Path:
    """A tar of plain files; `special` are fields of one more member."""
    with tarfile.open(path, mode) as out:  # type: ignore[call-overload]
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
        if special:
            info = tarfile.TarInfo("cats/trainA/2.png")
            for field, value in special.items():
                setattr(info, field, value)
            out.addfile(info, io.BytesIO(bytes(info.size)))
    return path


def edited(path: Path, change: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(change(path.read_bytes()))
    return path


def overlapping_zip(path: Path) -> Path:
    """Two names in the table for one packed file: the way of a bomb whose size is quadratic."""
    zip_of(path, GOOD, content=bytes(1000))
    raw = path.read_bytes()
    start = raw.index(b"PK\1\2")
    end = raw.index(b"PK\5\6")
    twin = raw[start:end].replace(b"1.png", b"2.png")
    table = raw[start:end] + twin
    tail = bytearray(raw[end:])
    struct.pack_into("<HHI", tail, 8, 2, 2, len(table))
    path.write_bytes(raw[:start] + table + tail)
    return path


def sparse_tar(path: Path) -> Path:
    info = tarfile.TarInfo("cats/trainA/2.png")
    info.type = tarfile.GNUTYPE_SPARSE
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as out:
        out.addfile(info)
    return path


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "zip that climbs out": (lambda p: zip_of(p, GOOD, "../evil.png"), "evil.png leads outside its folder"),
    "zip that climbs out from within": (
        lambda p: zip_of(p, GOOD, "cats/../../evil.png"),
        "evil.png leads outside its folder",
    ),
    "zip with an absolute name": (lambda p: zip_of(p, GOOD, "/tmp/evil.png"), "leads outside its folder"),
    "zip with a drive's letter": (lambda p: zip_of(p, GOOD, "C:/evil.png"), "leads outside its folder"),
    "zip with backslashes": (lambda p: zip_of(p, GOOD, "..\\evil.png"), "leads outside its folder"),
    "zip with a NUL in a name": (
        lambda p: edited(zip_of(p, GOOD, "cats/trainA/2Z.png"), lambda raw: raw.replace(b"2Z", b"2\0")),
        "is not a plain name",
    ),
    "zip with a link": (lambda p: special_zip(p, 0o120777), "2.png is a link"),
    "zip with a device": (lambda p: special_zip(p, 0o060600), "2.png is a device"),
    "zip with a name twice": (lambda p: zip_of(p, GOOD, GOOD), "and cats/trainA/1.png have the same name"),
    "zip with names of two cases": (lambda p: zip_of(p, GOOD, "cats/TRAINA/1.png"), "have the same name"),
    "zip with a file that is a folder too": (
        lambda p: zip_of(p, GOOD, "cats/trainA/1.png/2.png"),
        "1.png is a file and a folder",
    ),
    "zip under a password": (
        lambda p: edited(zip_of(p, GOOD), lambda raw: raw.replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1")),
        "1.png is encrypted",
    ),
    "zip that unpacks into memory without bound": (
        lambda p: zip_of(p, GOOD, content=bytes(4 << 20), method=zipfile.ZIP_BZIP2),
        "1.png is packed by another method than deflate",
    ),
    "zip whose files overlap": (overlapping_zip, "its files overlap"),
    "tar that climbs out": (lambda p: tar_of(p, GOOD, "../evil.png"), "leads outside its folder"),
    "tar with an absolute name": (lambda p: tar_of(p, GOOD, "/tmp/evil.png"), "leads outside its folder"),
    "tar with a symbolic link": (
        lambda p: tar_of(p, GOOD, type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "2.png is a link",
    ),
    "tar with a hard link": (lambda p: tar_of(p, GOOD, type=tarfile.LNKTYPE, linkname=GOOD), "2.png is a link"),
    "tar with a device": (lambda p: tar_of(p, GOOD, type=tarfile.CHRTYPE), "2.png is a device"),
    "tar with a pipe": (lambda p: tar_of(p, GOOD, type=tarfile.FIFOTYPE), "2.png is a device"),
    "tar with holes": (sparse_tar, "2.png is sparse"),
    "tar with a name twice": (lambda p: tar_of(p, GOOD, GOOD), "have the same name"),
    "tar with a name no system can write": (lambda p: tar_of(p, GOOD, f"{'x' * 300}.png"), "is not a plain name"),
    "tar with a huge header": (
        lambda p: tar_of(p, mode="w:gz", type=tarfile.XHDTYPE, size=2 << 20),
        "a header in it has",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_whole_and_nothing_is_written(tmp_path: Path, kind: str) -> None:
    build, reason = HOSTILE[kind]
    archive = build(tmp_path / "cats.bin")
    with pytest.raises(DataError) as error:
        carry_out(plan_import(archive), tmp_path / "datasets")
    assert str(error.value).startswith(f"{archive}: ")
    assert reason in str(error.value)
    assert str(error.value).endswith("so nothing of it is unpacked; if you trust it, unpack it and name the folder.")
    assert [path.name for path in tmp_path.iterdir()] == ["cats.bin"]
    assert not (tmp_path.parent / "evil.png").exists()


BOMB = Limits(ratio=100, ratio_from=1 << 20)


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz"])
def test_a_bomb_is_refused_by_what_it_unpacks_to(tmp_path: Path, kind: str) -> None:
    archive, zeros = tmp_path / "bomb", bytes(4 << 20)
    if kind == "zip":
        zip_of(archive, GOOD, content=zeros, method=zipfile.ZIP_DEFLATED)
    else:
        tar_of(archive, GOOD, content=zeros, mode=f"w:{kind}")
    with pytest.raises(DataError, match="unpacks to more than 100 times its size, so nothing of it is unpacked"):
        list_files(archive, BOMB)
    assert len(list_files(archive, Limits(ratio=1e6))) == 1


def test_a_bomb_in_front_of_the_first_file_is_stopped_on_the_way(tmp_path: Path) -> None:
    tar = tar_of(tmp_path / "x.tar", GOOD).read_bytes()
    padding = tarfile.TarInfo("cats/readme.bin")
    padding.size = 8 << 20
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(gzip.compress(padding.tobuf() + bytes(padding.size) + tar))
    with pytest.raises(DataError, match="unpacks to more than 100 times its size"):
        list_files(archive, BOMB)


def test_too_many_bytes_and_too_many_files_are_refused(tmp_path: Path) -> None:
    for archive in (zip_of(tmp_path / "x.zip", GOOD, "2.png"), tar_of(tmp_path / "x.tar", GOOD, "2.png")):
        assert len(list_files(archive, Limits(files=2))) == 2
        with pytest.raises(DataError, match="holds more than 1 files"):
            list_files(archive, Limits(files=1))
        with pytest.raises(DataError, match=r"unpacks to more than .* GiB"):
            list_files(archive, Limits(bytes=len(CONTENT)))


def test_a_zip_with_a_wrong_size_leaves_nothing(tmp_path: Path) -> None:
    size = struct.pack("<I", len(CONTENT))
    for claimed in (len(CONTENT) - 9, len(CONTENT) + 9):
        lie = struct.pack("<I", claimed)
        archive = edited(
            zip_of(tmp_path / "cats.zip", GOOD, method=zipfile.ZIP_DEFLATED),
            lambda raw, lie=lie: raw.replace(size, lie),  # type: ignore[misc]
        )
        with pytest.raises(DataError, match=r"cats\.zip: .*; download it again\."):
            carry_out(plan_import(archive), tmp_path / "datasets")
        assert list((tmp_path / "datasets").iterdir()) == []


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz"])
def test_a_damaged_archive_is_named_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    archive, noise = tmp_path / "cats", bytes(range(256)) * 40
    if kind == "zip":
        zip_of(archive, GOOD, "cats/trainA/2.png", content=noise)
    else:
        tar_of(archive, GOOD, "cats/trainA/2.png", content=noise, mode="w" if kind == "tar" else f"w:{kind}")
    whole = archive.read_bytes()
    for cut in (len(whole) // 3, len(whole) - 20) if kind != "tar" else (600, len(noise)):
        archive.write_bytes(whole[:cut])
        with pytest.raises(
            DataError, match=r"cats: (damaged \(.+\)|.* has another length than the archive says); download it again"
        ):
            carry_out(plan_import(archive), tmp_path / "datasets")
        assert not (tmp_path / "datasets").exists() or list((tmp_path / "datasets").iterdir()) == []


def test_a_flipped_bit_is_noticed_wherever_there_is_a_checksum(tmp_path: Path) -> None:
    zipped = edited(zip_of(tmp_path / "cats.zip", GOOD), lambda raw: raw.replace(b"or not", b"or nut"))
    tar = tar_of(tmp_path / "cats.tar", GOOD).read_bytes()
    (tmp_path / "cats.tar.gz").write_bytes(gzip.compress(tar, 0).replace(b"or not", b"or nut"))
    for archive in (zipped, tmp_path / "cats.tar.gz"):
        with pytest.raises(DataError, match=r"damaged \((Bad CRC-32|CRC check failed)"):
            carry_out(plan_import(archive), tmp_path / "datasets")
    assert not (tmp_path / "datasets").exists() or list((tmp_path / "datasets").iterdir()) == []


def test_a_file_that_is_not_an_archive_is_refused_with_the_kinds_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "empty.zip").touch()
    (tmp_path / "page.zip").write_text("<html>please log in")
    for name, reason in (
        ("empty.zip", "is empty; "),
        ("page.zip", "is not a zip, tar, tar.gz, tar.bz2 or tar.xz; "),
        ("gone.zip", "no such file; "),
    ):
        with pytest.raises(DataError, match=rf"{name}: {reason}"):
            list_files(tmp_path / name)
    for compress in (gzip.compress, bz2.compress, lzma.compress):
        (tmp_path / "page.zip").write_bytes(compress(b"no tar in here" * 100))
        with pytest.raises(DataError, match=r"page\.zip: damaged"):
            list_files(tmp_path / "page.zip")


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz"])
def test_plain_archives_are_listed_and_chosen_files_written_where_the_caller_says(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "any-name"
    if kind == "zip":
        zip_of(archive, "./" + GOOD, "cats/notes.txt", "cats/trainA/")
    else:
        tar_of(archive, "./" + GOOD, "cats/notes.txt", mode="w" if kind == "tar" else f"w:{kind}", type=tarfile.DIRTYPE)
    listed = list_files(archive)
    assert [(str(entry.name), entry.size) for entry in listed][:2] == [
        (GOOD, len(CONTENT)),
        ("cats/notes.txt", len(CONTENT)),
    ]
    calls: list[tuple[int, int]] = []
    extract(
        archive,
        {PurePosixPath(GOOD): [tmp_path / "a", tmp_path / "b"]},
        progress=lambda done, total: calls.append((done, total)),
    )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "any-name", "b"]
    assert calls == [(1, 1)]


def test_a_list_in_an_archive_is_read_as_text_or_refused(tmp_path: Path) -> None:
    name = PurePosixPath("trainA.txt")
    archive = zip_of(tmp_path / "x.zip", "trainA.txt", content="\ufeffé.png\n".encode())
    assert read_text(archive, name) == "é.png\n"
    with pytest.raises(DataError, match=r"trainA\.txt has 10 bytes, too many for a list"):
        read_text(archive, name, max_bytes=9)
    zip_of(archive, "trainA.txt", content=b"\xff\xfe1")
    with pytest.raises(DataError, match=r"x\.zip: trainA\.txt is not UTF-8 text"):
        read_text(archive, name)


RAW = b"cats/trainA/caf\xe9 \xc3\xa9.png"


def test_names_that_are_not_utf8_are_written_as_they_are_in_the_archive(tmp_path: Path) -> None:
    """A zip from Windows does not say in which encoding its names are, and unzip leaves their bytes too."""
    placeholder = "cats/trainA/caf_ ??.png".replace("?", "_")
    windows = edited(zip_of(tmp_path / "w.zip", placeholder), lambda raw: raw.replace(placeholder.encode(), RAW))
    unix = tar_of(tmp_path / "u.tar", os.fsdecode(RAW))
    for archive in (windows, unix):
        plan = plan_import(archive, name=archive.stem)
        folder = carry_out(plan, tmp_path / "data")
        assert [os.fsencode(path.name) for path in (folder / "trainA").iterdir()] == [RAW.rpartition(b"/")[2]]
        assert (folder / "trainA" / os.fsdecode(RAW.rpartition(b"/")[2])).read_bytes() == CONTENT


def test_a_name_in_utf8_that_is_not_marked_so_is_utf8_all_the_same(tmp_path: Path) -> None:
    marked = zip_of(tmp_path / "m.zip", "cats/trainA/é.png")
    unmarked = edited(zip_of(tmp_path / "n.zip", "cats/trainA/__.png"), lambda raw: raw.replace(b"__", "é".encode()))
    for archive in (marked, unmarked):
        assert [str(file.name) for file in list_files(archive)] == ["cats/trainA/é.png"]
