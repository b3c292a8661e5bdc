"""Archives from strangers: every name in a zip or a tar is checked before one byte is written.

Nothing is unpacked by the archive's own say. `list_files` refuses an archive that holds anything but plain files
and folders with plain names; `extract` writes the bytes of chosen files to paths that its caller made up, so
modes, owners, links and names of an archive never reach the disk.

A refusal is of the whole archive: one that tries to get out of its folder is not one to train on.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ugbench.data.acquire._readers import (
    CHUNK,
    Limits,
    Member,
    TarReader,
    ZipReader,
    check_size,
    open_reader,
    refusal,
)
from ugbench.data.images import Progress
from ugbench.errors import DataError

__all__ = ["Entry", "Limits", "decode", "extract", "list_files", "read_text"]


@dataclass(frozen=True)
class Entry:
    """A plain file: its name with slashes, safe to look at, and its bytes unpacked."""

    name: PurePosixPath
    size: int


def list_files(archive: Path, limits: Limits | None = None) -> list[Entry]:
    """The files of a zip or tar in their order; folders are left out.

    Raises:
        DataError: no such file, no archive, a damaged or encrypted one, or one with a name that leads outside
            its folder, a link, a device, a name twice, or more than `limits`.
    """
    limits = limits or Limits()
    entries: list[Entry] = []
    names: dict[str, str] = {}
    folders: set[str] = set()
    total = 0
    with open_reader(archive, limits) as reader:
        for member in reader.members():
            name = _plain_name(archive, member.name)
            if member.problem:
                raise refusal(archive, f"{member.name} is {member.problem}")
            folders.update(_key(parent) for parent in name.parents)
            if member.folder:
                folders.add(_key(name))
                count = len(folders) + len(entries)
            else:
                twin = names.setdefault(_key(name), member.name)
                if len(names) == len(entries):
                    raise refusal(archive, f"{twin} and {member.name} have one name")
                entries.append(Entry(name, member.size))
                count = len(entries)
                total += member.size
            if count > limits.files:
                raise refusal(archive, f"it holds more than {limits.files} files")
            check_size(archive, total, limits)
        reader.finish()
    both = folders & names.keys()
    if both:
        raise refusal(archive, f"{names[min(both)]} is a file and a folder")
    return entries


def extract(archive: Path, targets: Mapping[PurePosixPath, Sequence[Path]], progress: Progress | None = None) -> None:
    """Write files of an archive that `list_files` let pass; the paths' folders must exist and the paths be new.

    Args:
        targets: the paths, one or more, for each file's name.
        progress: called after each file.
    Raises:
        DataError: the archive is damaged, or a file is not as long as it says.
    """
    done = 0
    with open_reader(archive, Limits()) as reader:
        for member in reader.members():
            paths = () if member.folder else targets.get(PurePosixPath(member.name), ())
            if not paths:
                continue
            with paths[0].open("xb") as out:
                for chunk in _chunks(archive, reader, member):
                    out.write(chunk)
            for path in paths[1:]:
                shutil.copyfile(paths[0], path)
            done += 1
            if progress is not None:
                progress(done, len(targets))


def read_text(archive: Path, name: PurePosixPath, most: int = 16 << 20) -> str:
    """The text of a small file in an archive that `list_files` let pass.

    Raises:
        DataError: it is longer than `most` bytes, not UTF-8, or damaged.
    """
    with open_reader(archive, Limits()) as reader:
        for member in reader.members():
            if not member.folder and PurePosixPath(member.name) == name:
                if member.size > most:
                    raise DataError(f"{archive}: {name} has {member.size} bytes, too many for a list; shorten it.")
                return decode(b"".join(_chunks(archive, reader, member)), f"{archive}: {name}")
    raise DataError(f"{archive}: {name} is no longer in it; download it again.")


def decode(content: bytes, where: str) -> str:
    """UTF-8 text, with or without a byte order mark.

    Raises:
        DataError: it is not.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{where} is not UTF-8 text; save it as that.") from None


def _chunks(archive: Path, reader: ZipReader | TarReader, member: Member) -> Iterator[bytes]:
    """A member's bytes, exactly as many as it says."""
    left = member.size
    with reader.open(member) as file:
        while chunk := file.read(CHUNK):
            left -= len(chunk)
            yield chunk
    if left:
        raise DataError(f"{archive}: {member.name} is not as long as it says; download it again.")


def _plain_name(archive: Path, name: str) -> PurePosixPath:
    """A name that stays in its folder on every system.

    Raises:
        DataError: it does not.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or re.match(r"[A-Za-z]:", name):
        raise refusal(archive, f"{name} leads outside its folder")
    try:
        long = len(name) > 1024 or any(len(part.encode()) > 255 for part in path.parts)
    except UnicodeEncodeError:
        raise refusal(archive, f"{name!a} is no UTF-8 name") from None
    if long or any(unicodedata.category(letter) == "Cc" for letter in name):
        raise refusal(archive, f"{ascii(name)[:80]} is not a plain name")
    return path


def _key(name: PurePosixPath) -> str:
    """What two names share that some file system takes for one."""
    return unicodedata.normalize("NFC", str(name)).casefold()
