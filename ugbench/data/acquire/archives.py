"""Archives from untrusted sources: each name in a zip or tar is checked before a byte is written.

`list_files` refuses an archive that holds anything other than plain files and folders with plain names. `extract`
writes the bytes of chosen files to paths that its caller chose. So the modes, owners, links and names in an archive
never reach the disk.

An archive is always refused as a whole, because a data set that tries to write outside its folder cannot be trusted.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ugbench.data.acquire._readers import CHUNK, Limits, Member, check_size, open_archive, refusal
from ugbench.data.progress import Progress, tracked
from ugbench.errors import DataError
from ugbench.file_names import as_bytes

__all__ = ["Limits", "SourceFile", "decode", "extract", "list_files", "read_text"]


@dataclass(frozen=True)
class SourceFile:
    """A plain file of a download: its name, relative to the archive or folder, and its unpacked size in bytes."""

    name: PurePosixPath
    size: int


def list_files(archive: Path, limits: Limits | None = None) -> list[SourceFile]:
    """The files of a zip or tar in the archive's order; folders are left out.

    Raises:
        DataError: there is no such file; it is not an archive, damaged or encrypted; or it holds a name that leads
            outside its folder, a link, a device, the same name twice, or more than `limits` allow.
    """
    limits = limits or Limits()
    files: list[SourceFile] = []
    names: dict[str, str] = {}
    folders: set[str] = set()
    total = 0
    with open_archive(archive, limits) as members:
        for member in members:
            name = _plain_name(archive, member.name)
            if member.problem:
                raise refusal(archive, f"{member.name} is {member.problem}")
            folders.update(_key(parent) for parent in name.parents)
            if member.folder:
                folders.add(_key(name))
            else:
                twin = names.setdefault(_key(name), member.name)
                if len(names) == len(files):
                    raise refusal(archive, f"{twin} and {member.name} have the same name")
                files.append(SourceFile(name, member.size))
                total += member.size
            if len(files) + (len(folders) if member.folder else 0) > limits.files:
                raise refusal(archive, f"it holds more than {limits.files} files")
            check_size(archive, total, limits)
    ambiguous = folders & names.keys()
    if ambiguous:
        raise refusal(archive, f"{names[min(ambiguous)]} is a file and a folder")
    return files


def extract(archive: Path, targets: Mapping[PurePosixPath, Sequence[Path]], progress: Progress | None = None) -> None:
    """Write files of an archive that `list_files` has accepted.

    Args:
        targets: by the name of a file in the archive, one or more paths to write it to. Their folders must exist, and
            they must be new.
        progress: called after each file.
    Raises:
        DataError: the archive is damaged, or a file has another length than the archive says.
    """
    with open_archive(archive, Limits()) as members:
        files = (member for member in members if not member.folder and PurePosixPath(member.name) in targets)
        for member in tracked(files, len(targets), progress):
            paths = targets[PurePosixPath(member.name)]
            with paths[0].open("xb") as out:
                for chunk in _chunks(archive, member):
                    out.write(chunk)
            for path in paths[1:]:
                shutil.copyfile(paths[0], path)


def read_text(archive: Path, name: PurePosixPath, max_bytes: int = 16 << 20) -> str:
    """The text of a small file in an archive that `list_files` has accepted.

    Raises:
        DataError: the file is longer than `max_bytes`, not UTF-8, or damaged.
    """
    with open_archive(archive, Limits()) as members:
        for member in members:
            if not member.folder and PurePosixPath(member.name) == name:
                if member.size > max_bytes:
                    raise DataError(f"{archive}: {name} has {member.size} bytes, too many for a list; shorten it.")
                return decode(b"".join(_chunks(archive, member)), f"{archive}: {name}")
    raise DataError(f"{archive}: {name} is no longer in it; download it again.")


def decode(content: bytes, where: str) -> str:
    """The text in UTF-8 bytes with or without a byte order mark; `where` names them in an error.

    Raises:
        DataError: the bytes are not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{where} is not UTF-8 text; save it as UTF-8.") from None


def _chunks(archive: Path, member: Member) -> Iterator[bytes]:
    """The bytes of a file; raises DataError if they are not as many as the archive says."""
    left = member.size
    with member.open() as file:
        while chunk := file.read(CHUNK):
            left -= len(chunk)
            yield chunk
    if left:
        raise DataError(f"{archive}: {member.name} has another length than the archive says; download it again.")


def _plain_name(archive: Path, name: str) -> PurePosixPath:
    """The name as a path, if that stays inside its folder on every operating system.

    Raises:
        DataError: it leads outside, or is too long or not plain text.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or re.match(r"[A-Za-z]:", name):
        raise refusal(archive, f"{name} leads outside its folder")
    too_long = len(name) > 1024 or any(len(as_bytes(part)) > 255 for part in path.parts)
    if too_long or any(unicodedata.category(letter) == "Cc" for letter in name):
        raise refusal(archive, f"{ascii(name)[:80]} is not a plain name")
    return path


def _key(name: PurePosixPath) -> str:
    """A form that is equal for two names if some file system takes them for the same name."""
    return unicodedata.normalize("NFC", str(name)).casefold()
