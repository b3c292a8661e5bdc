"""The one gate to the files under a results folder, which may have come from somebody else.

A path below the results folder is used only if no part of it is a link, a file only if it is a regular one, and its
content only up to a size. So a file that somebody sends cannot make a command read, change or remove what lies
elsewhere, wait for ever, or fill the memory. The results folder itself, and the folders above it, may be links.

Files are replaced by renaming a new file, so what a hard link shares with another file never changes. A file that grows
(`append_text`) is copied first where it has several hard links.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from ugbench.errors import RunError

LARGEST_JSON = 8 << 20  # bytes: a JSON file, which is read as a whole
LONGEST_LINE = 1 << 20  # bytes: a line of a JSON-lines file
LARGEST_IMAGE = 256 << 20  # bytes: an image file
MOST_PIXELS = 1 << 25  # of a PNG file, which may be small and need gigabytes when it is decoded
LARGEST_HEADER = 8 << 20  # bytes: the names, types and shapes in a safetensors file
# Windows has none of the first three, and reads text unless O_BINARY says otherwise.
FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def inside(folder: Path, *names: str) -> Path:
    """The path `folder`/names[0]/names[1]/…, after a check that no part of it below `folder` is a link.

    Args:
        folder: the results folder, or a folder below it that was checked before.
        names: names of folders and files; none of them has to exist.
    Raises:
        RunError: a part is a link, or is no name of a file.
    """
    path = str(folder)  # texts, because a command asks for many paths of each of thousands of runs
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise RunError(f"{path}: '{name}' is no name of a file in it; to fix this, remove what names it.")
        path = os.path.join(path, name)  # noqa: PTH118
        if os.path.islink(path):  # noqa: PTH114
            raise RunError(
                f"{path} is a link, and links under a results folder are not followed; to fix this, put the file or "
                "folder itself there, or remove the link."
            )
    return Path(path)


def is_file(file: Path, largest: int | None = None) -> bool:
    """Whether there is a regular file; False if there is nothing.

    Args:
        largest: the largest size in bytes that the file may have; None for any.
    Raises:
        RunError: it is a link, a folder, a pipe or a device, or is too large.
    """
    try:
        info = file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(info.st_mode):
        raise RunError(f"{file} is {_kind(info.st_mode)} and no file; to fix this, remove it.")
    if largest is not None and info.st_size > largest:
        raise RunError(
            f"{file} has {info.st_size:,} bytes, and such a file has at most {largest:,}; to fix this, remove it."
        )
    return True


def open_file(file: Path, largest: int | None = None) -> BinaryIO:
    """Open a regular file to read its bytes.

    Raises:
        FileNotFoundError: there is no such file.
        RunError: as `is_file`.
    """
    is_file(file, largest)
    return os.fdopen(os.open(file, os.O_RDONLY | FLAGS), "rb")


def read_text(file: Path, largest: int = LARGEST_JSON) -> str:
    """The text of a file.

    Raises:
        FileNotFoundError: there is no such file.
        RunError: as `is_file`, or the file is not UTF-8.
    """
    with open_file(file, largest) as stream:
        return _decode(stream.read(largest + 1), file)


def read_lines(file: Path) -> Iterator[str]:
    """The lines of a file with their ends, without holding the whole file.

    Raises:
        FileNotFoundError: there is no such file.
        RunError: as `is_file`; a line is not UTF-8, or has more than LONGEST_LINE bytes.
    """
    with open_file(file) as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise RunError(f"{file}, line {number} has more than {LONGEST_LINE:,} bytes; to fix this, remove it.")
            yield _decode(line, f"{file}, line {number}")


def append_text(file: Path, text: str) -> None:
    """Add text to the end of a file, which is made if it is missing; its folder must exist.

    Raises:
        RunError: as `is_file`.
    """
    if is_file(file) and file.lstat().st_nlink > 1:
        # Another file shares the content: a copy of the results, or a file that whoever sent them wants to change.
        temporary = temporary_of(file)
        shutil.copyfile(file, temporary)
        temporary.replace(file)
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | FLAGS, 0o666)
    with os.fdopen(handle, "a", encoding="utf-8") as stream:
        stream.write(text)


def temporary_of(file: Path) -> Path:
    """The name under which `file` is written before it is renamed; nothing lies there when this returns."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    return temporary


def check_tree(folder: Path, largest: int = LARGEST_IMAGE) -> None:
    """Check that a folder holds only regular files and folders, at any depth; a missing folder passes.

    Raises:
        RunError: it holds a link, a pipe or a device, a file of more than `largest` bytes, or a PNG of more than
            MOST_PIXELS pixels.
    """
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            inside(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                check_tree(Path(entry.path), largest)
                continue
            is_file(Path(entry.path), largest)
            if entry.name.lower().endswith(".png"):
                info = entry.stat(follow_symlinks=False)
                width, height = _png_size(entry.path, info.st_size, info.st_mtime_ns)
                if width * height > MOST_PIXELS:
                    raise RunError(f"{entry.path} has {width} x {height} px, too many; to fix this, remove it.")


@lru_cache(1 << 16)
def _png_size(path: str, _size: int, _changed: int) -> tuple[int, int]:
    """Width and height in the header of a PNG file; (0, 0) for another one. Cached until the file changes."""
    with open_file(Path(path)) as stream:
        header = stream.read(24)
    if header[:4] != b"\x89PNG":
        return 0, 0
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


def has_tensor_header(file: Path) -> bool:
    """Whether the header of a safetensors file is as long as its first bytes say, and not longer than LARGEST_HEADER.

    The library maps the tensors into memory, but reads the header as a whole.

    Raises:
        FileNotFoundError: there is no such file.
        RunError: as `is_file`.
    """
    with open_file(file) as stream:
        header = int.from_bytes(stream.read(8), "little")
        size = os.fstat(stream.fileno()).st_size
    return 0 < header <= min(size - 8, LARGEST_HEADER)


def _decode(content: bytes, where: object) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise RunError(f"{where} is not UTF-8; to fix this, correct or remove it.") from None


def _kind(mode: int) -> str:
    kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
