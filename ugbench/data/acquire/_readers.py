"""Readers of zip and tar archives with one interface. What they return has not been checked: an archive may lie."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from ugbench.errors import DataError

KINDS = "zip, tar, tar.gz, tar.bz2 or tar.xz"
CHUNK = 1 << 20  # bytes that are unpacked at once, and the most that a tar header with a long name may take
GIB = 1 << 30
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
# With other methods zipfile unpacks a whole chunk into memory, however large it becomes.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_STREAMS: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}


@dataclass(frozen=True)
class Limits:
    """The most that an archive may hold; the largest published data set is far smaller.

    Attributes:
        files: number of files and folders.
        bytes: total size of the unpacked files.
        ratio: unpacked bytes per packed byte, checked after `ratio_from` bytes are unpacked.
    """

    files: int = 200_000
    bytes: int = 50 * GIB
    ratio: float = 100.0
    ratio_from: int = GIB


@dataclass(frozen=True)
class Member:
    """A file or folder in an archive, as the archive describes it.

    Attributes:
        problem: why it is refused ("a link", "encrypted" …); empty for plain files and folders.
        open: opens the bytes of a file.
    """

    name: str
    size: int
    folder: bool
    problem: str
    open: Callable[[], IO[bytes]]


def _zip_members(archive: Path, file: IO[bytes]) -> Iterator[Member]:
    """The members of a zip. Python compares its table of contents with the header of each file that is opened."""
    opened = zipfile.ZipFile(file)
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        problem = ""
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            problem = "a link" if kind == stat.S_IFLNK else "a device"
        elif info.flag_bits & 1:
            problem = "encrypted"
        elif info.compress_type not in _METHODS:
            problem = "packed by another method than deflate"
        yield Member(_zip_name(info), info.file_size, info.is_dir(), problem, partial(opened.open, info))
    if sum(info.compress_size for info in opened.infolist()) > archive.stat().st_size:  # as in a zip bomb
        raise refusal(archive, "its files overlap")


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name of a file in a zip with its bytes as they are stored, which need not be UTF-8.

    Python cuts a name at a NUL byte, but the complete name has to be checked. A name that is not marked as UTF-8 is
    decoded by Python as if it came from DOS, although other systems write theirs without a mark too.
    """
    marked_as_utf8 = info.flag_bits & 0x800
    return info.orig_filename if marked_as_utf8 else os.fsdecode(info.orig_filename.encode("cp437"))


def _tar_members(archive: Path, file: LimitedFile) -> Iterator[Member]:
    """The members of a tar. It has no table of contents, so listing it unpacks it, and its file is limited."""
    tar = tarfile.TarFile(fileobj=file)  # this class, unlike tarfile.open, starts no decompressor
    for info in tar:
        problem = ""
        if info.issym() or info.islnk():
            problem = "a link"
        elif info.issparse():
            problem = "sparse"
        elif not (info.isreg() or info.isdir()):
            problem = "a device"
        yield Member(info.name, info.size, info.isdir(), problem, partial(_open_in_tar, archive, tar, info))
    # A compressed stream has its checksum at the end, and tarfile stops before it.
    file.seek(tar.offset)
    while file.read(CHUNK):
        pass


def _open_in_tar(archive: Path, tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(info)
    if file is None:
        raise refusal(archive, f"{info.name} is not a file")
    return file


class LimitedFile(io.RawIOBase):
    """A file that raises an error if too many bytes are read from it, at once or in total."""

    def __init__(self, file: IO[bytes], archive: Path, limits: Limits) -> None:
        self.file, self.archive, self.limits = file, archive, limits

    def seekable(self) -> bool:
        """Always True."""
        return True

    def tell(self) -> int:
        """The current position."""
        return self.file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position; raises DataError if it is beyond the limits."""
        check_size(self.archive, offset, self.limits)
        return self.file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes; raises DataError if they or the position after them are beyond the limits."""
        if not 0 <= size <= CHUNK:
            raise refusal(self.archive, f"a header in it has {size} bytes")
        content = self.file.read(size)
        check_size(self.archive, self.file.tell(), self.limits)
        return content


@contextmanager
def open_archive(archive: Path, limits: Limits) -> Iterator[Iterator[Member]]:
    """The members of an archive in its order. Its kind is known by its first bytes and not by its name.

    Raises:
        DataError: the file is no archive, or is damaged. What only shows at its end (a wrong checksum, or files of a
            zip that share packed bytes) is raised after the last member.
    """
    if archive.exists() and not archive.is_file():  # opening a pipe would wait for a writer
        raise DataError(f"{archive}: is a pipe or a device and no file; save the archive in a file, and name that.")
    with _naming_damage(archive), archive.open("rb") as raw:
        head = raw.read(512)
    opener = next((opener for magic, opener in _STREAMS.items() if head.startswith(magic)), None)
    is_zip = head.startswith((b"PK\3\4", b"PK\5\6"))
    if not (is_zip or opener or head[257:262] == b"ustar"):
        problem = f"is not a {KINDS}" if head else "is empty"
        raise DataError(f"{archive}: {problem}; download it again, or unpack it and name the folder.")
    with _naming_damage(archive), opener(archive) if opener else archive.open("rb") as file:
        yield _zip_members(archive, file) if is_zip else _tar_members(archive, LimitedFile(file, archive, limits))


@contextmanager
def _naming_damage(archive: Path) -> Iterator[None]:
    """Turn errors of decoders into a DataError. Errors of the disk, which have an error number, pass through."""
    try:
        yield
    except FileNotFoundError as error:
        if error.filename != str(archive):
            raise
        raise DataError(f"{archive}: no such file; name an archive or a folder.") from error
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = str(error).rstrip(".") or type(error).__name__
        raise DataError(f"{archive}: damaged ({reason}); download it again.") from error


def check_size(archive: Path, total: int, limits: Limits) -> None:
    """Raise DataError if `total` unpacked bytes are too many."""
    if total > limits.bytes:
        raise refusal(archive, f"it unpacks to more than {limits.bytes / GIB:.3g} GiB")
    if total > limits.ratio_from and total > limits.ratio * archive.stat().st_size:
        raise refusal(archive, f"it unpacks to more than {limits.ratio:g} times its size")


def refusal(archive: Path, reason: str) -> DataError:
    """The error that refuses an archive as a whole."""
    return DataError(
        f"{archive}: {reason}, so nothing of it is unpacked; if you trust it, unpack it and name the folder."
    )
