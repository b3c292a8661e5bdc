"""What is known of files from earlier calls: their SHA-256, and which image files were read without an error.

The knowledge lies in one SQLite file, <cache folder>/files.sqlite, a row per file: its absolute path, its state (size,
times of change and inode), its SHA-256, the version of the reader that has read it as an image, and whether that image
uses little of its range. A row counts only while the file has that state. As in git's index, a file that was changed
within the granularity of clocks before it was read gets no row, because a second change could leave its state as it is.
What is computed from the content of an image, such as the thumbnails by which copies are found, lies in a table of its
own, with a row per content and kind.
Nothing depends on the SQLite file: it may be removed at any time, and where it cannot be used every file is read again.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import PIL

from ugbench.errors import DataError

VARIABLE = "UGBENCH_CACHE"
FILE = "files.sqlite"
GRANULARITY = 2_000_000_000  # ns: the coarsest clock of a file system in use, that of FAT
PATIENCE = 5.0  # seconds to wait while another process writes

Kind = Literal["thumbnail", "thumbnail-crop", "thumbnail-pad", "appearance"]
"""What is computed from the content of images."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Row:
    """What is known of a file in one state."""

    state: str
    sha256: str | None = None
    reader: str | None = None
    narrow: bool = False


@dataclass
class KnownFiles:
    """What is known of files, and what was learnt of them since; `open_known_files` makes it."""

    connection: sqlite3.Connection | None
    file: Path
    learnt: dict[bytes, _Row] = field(default_factory=dict)
    derived: dict[tuple[Kind, str], bytes] = field(default_factory=dict)

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file's content, in hex; the file is read only if that is not known.

        Raises:
            DataError: the file cannot be read.
        """
        try:
            state, started = _state(path), time.time_ns()
            row = self._row(path, state)
            if row.sha256 is not None:
                return row.sha256
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            self._learn(path, replace(row, sha256=digest), started)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); replace or remove it.") from error
        return digest

    def is_narrow(self, path: Path, read: Callable[[Path], bool]) -> bool:
        """What `read` returns for an image file; it is not called if this version of the program has read the file in
        its present state without an error.

        Args:
            read: whether the image uses little of its range, see `ugbench.data.brightness`; raises an error for a
                file that cannot be read. Such a file is tried again in each call.
        """
        try:
            state, started = _state(path), time.time_ns()
        except OSError:
            return read(path)
        row = self._row(path, state)
        if row.reader != _reader():
            row = replace(row, reader=_reader(), narrow=read(path))
            self._learn(path, row, started)
        return row.narrow

    def from_content(self, kind: Kind, path: Path, compute: Callable[[Path], bytes]) -> bytes:
        """What `compute` returns for an image file; it is not called if this version of the program has computed it for
        a file with the same content.

        Raises:
            DataError: the file cannot be read.
        """
        digest = self.sha256(path)
        if (kind, digest) in self.derived:
            return self.derived[kind, digest]
        if self.connection is not None:
            query = "SELECT content FROM contents WHERE kind = ? AND sha256 = ? AND reader = ?"
            try:
                for (content,) in self.connection.execute(query, (kind, digest, _reader())):
                    return bytes(content)
            except sqlite3.Error as error:
                _warn(self.file, str(error))
                self.connection = None
        self.derived[kind, digest] = compute(path)
        return self.derived[kind, digest]

    def save(self) -> None:
        """Store what was learnt."""
        if self.connection is None or not (self.learnt or self.derived):
            return
        rows = [(path, row.state, row.sha256, row.reader, row.narrow) for path, row in self.learnt.items()]
        contents = [(kind, digest, _reader(), content) for (kind, digest), content in self.derived.items()]
        try:
            with self.connection:
                self.connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows)
                self.connection.executemany("INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?)", contents)
        except sqlite3.Error as error:
            _warn(self.file, str(error))
        self.learnt.clear()
        self.derived.clear()

    def _row(self, path: Path, state: str) -> _Row:
        """What is known of a file in this state; an empty row if that is nothing."""
        key = _key(path)
        row = self.learnt.get(key)
        if row is None and self.connection is not None:
            try:
                fields = self.connection.execute(
                    "SELECT state, sha256, reader, narrow FROM files WHERE path = ?", (key,)
                )
                row = next(
                    (_Row(state, sha256, reader, bool(narrow)) for state, sha256, reader, narrow in fields), None
                )
            except sqlite3.Error as error:
                _warn(self.file, str(error))
                self.connection = None
        return _Row(state) if row is None or row.state != state else row

    def _learn(self, path: Path, row: _Row, started: int) -> None:
        """Keep a row if the file has not changed since it was looked at, nor shortly before."""
        status = path.stat()
        if max(status.st_mtime_ns, status.st_ctime_ns) < started - GRANULARITY:
            self.learnt[_key(path)] = row


@contextmanager
def open_known_files() -> Iterator[KnownFiles]:
    """What is known of files; what is learnt in the `with` block is stored at its end, also after an error.

    If the file of knowledge cannot be used, a sentence is logged once, and every file is read.
    """
    file = cache_folder() / FILE
    connection = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file, timeout=PATIENCE)
        columns = "path BLOB PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT, reader TEXT, narrow INTEGER"
        connection.execute(f"CREATE TABLE IF NOT EXISTS files ({columns}) WITHOUT ROWID")
        columns = "kind TEXT, sha256 TEXT, reader TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (kind, sha256)"
        connection.execute(f"CREATE TABLE IF NOT EXISTS contents ({columns})")
    except (OSError, sqlite3.Error) as error:
        _warn(file, getattr(error, "strerror", None) or str(error))
    known = KnownFiles(connection, file)
    try:
        yield known
    finally:
        known.save()
        if connection is not None:
            connection.close()


def forget_folder(folder: Path) -> None:
    """Remove what is known of the files in a folder, which will not be there again."""
    prefix = _key(folder) + os.fsencode(os.sep)
    with open_known_files() as known:
        if known.connection is None:
            return
        try:
            with known.connection:
                query = "DELETE FROM files WHERE path >= ? AND path < ?"
                known.connection.execute(query, (prefix, prefix[:-1] + bytes([prefix[-1] + 1])))
        except sqlite3.Error as error:
            _warn(known.file, str(error))


def hash_files(paths: Sequence[Path]) -> list[str]:
    """The SHA-256 of each file in hex; raises DataError for a file that cannot be read."""
    with open_known_files() as known:
        return [known.sha256(path) for path in paths]


def images_hash(paths: Sequence[Path]) -> str:
    """SHA-256 in hex over the sorted lines `<stem> NUL <SHA-256 of the file in hex> LF` of a set of image files.

    The stem counts, because it tells which output belongs to which source and in which order files are read. Folder
    and suffix do not.

    Raises:
        DataError: a file cannot be read.
    """
    return contents_hash([path.stem for path in paths], hash_files(paths))


def contents_hash(stems: Sequence[str], digests: Sequence[str]) -> str:
    """`images_hash` of files of which the stems and the SHA-256 are known."""
    pairs = zip(stems, digests, strict=True)
    lines = sorted(os.fsencode(stem) + b"\0" + digest.encode() + b"\n" for stem, digest in pairs)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def cache_folder() -> Path:
    """The folder that UGBENCH_CACHE names, or ~/.cache/ugbench."""
    folder = os.environ.get(VARIABLE)
    return Path(folder) if folder else Path.home() / ".cache" / "ugbench"


def _key(path: Path) -> bytes:
    return os.fsencode(path.absolute())


def _state(path: Path) -> str:
    """What changes when the content of a file does. A copy that keeps the time of change has another inode or ctime."""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


@functools.cache
def _reader() -> str:
    """The version of what reads images: Pillow's, and a hash of the modules of this package."""
    digest = hashlib.sha256(PIL.__version__.encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def _warn(file: Path, reason: str) -> None:
    _logger.warning("%s cannot be used (%s): files are read again in each call.", file, reason.rstrip("."))
