"""Opens a SQLite file of votes, which may have come from somebody else.

Only a file with exactly the tables of this module is used: a view, a trigger or a generated column could run for ever
or change what is written. The file holds the secret behind raters' links, so only its owner may read it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ugbench.errors import RunError
from ugbench.runs.files import FLAGS, is_file

VERSION = 1
TIMEOUT = 30.0  # seconds to wait for another writer
LARGEST = 64 << 20  # bytes: a file of votes; ten thousand votes have about two million
LONGEST = 1 << 16  # bytes: the longest text in it
BESIDE = ("", "-wal", "-shm", "-journal")  # endings of the file's name and of those that SQLite keeps beside it

TABLES = (
    "CREATE TABLE secret (value BLOB NOT NULL)",
    "CREATE TABLE polls (id TEXT PRIMARY KEY, fields TEXT NOT NULL)",
    "CREATE TABLE raters (id TEXT PRIMARY KEY, name TEXT UNIQUE, since TEXT NOT NULL)",
    """CREATE TABLE votes (
    poll TEXT NOT NULL REFERENCES polls (id),
    rater TEXT NOT NULL REFERENCES raters (id),
    image TEXT NOT NULL,
    choice INTEGER NOT NULL,
    shown TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (poll, rater, image)
)""",
)


def open_to_write(path: Path) -> sqlite3.Connection:
    """A connection to the file, which is made with its tables if it is missing; only its owner may read it then.

    Raises:
        RunError: the file or its log is a link, is larger than LARGEST, has several hard links, belongs to another
            user and can be read by others, or is no file of votes.
        sqlite3.Error: SQLite refuses it.
    """
    _check_files(path)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | FLAGS, 0o600)
    try:
        info = os.fstat(handle)
        if info.st_nlink > 1:
            raise RunError(f"{path} has several hard links, so votes would go into another file; put a copy there.")
        if info.st_mode & 0o077:
            os.fchmod(handle, 0o600)
    except PermissionError:
        raise RunError(
            f"{path} holds a secret, and others can read it; let its owner run `chmod 600` on it, or move it away."
        ) from None
    finally:
        os.close(handle)
    connection = sqlite3.connect(path, TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        _check_tables(connection, path)
        for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path, immutable: bool) -> sqlite3.Connection:
    """A connection that changes nothing.

    Args:
        immutable: nobody writes meanwhile and the log is empty, so that SQLite makes no files beside the file.
    Raises:
        RunError: the file or its log is a link or larger than LARGEST, or the file is no file of votes.
        sqlite3.Error: SQLite refuses it.
    """
    _check_files(path)
    options = "mode=ro&immutable=1" if immutable else "mode=ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", TIMEOUT, uri=True)
    try:
        connection.execute("PRAGMA query_only = ON")
        _check_tables(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_files(path: Path) -> None:
    for ending in BESIDE:
        is_file(path.with_name(path.name + ending), LARGEST)


def _check_tables(connection: sqlite3.Connection, path: Path) -> None:
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    connection.execute("PRAGMA trusted_schema = OFF")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    entries = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL LIMIT 20").fetchall()
    if not entries:
        return
    if version != VERSION:
        raise RunError(
            f"{path} is not a file of votes of this version (it has version {version}, not {VERSION}); move it away."
        )
    if {" ".join(str(sql).split()) for (sql,) in entries} != {" ".join(table.split()) for table in TABLES}:
        raise RunError(f"{path} has other tables, views or triggers than a file of votes; move it away.")


@contextmanager
def explained_errors(path: Path, advice: str) -> Iterator[None]:
    """Turn SQLite's errors into a RunError that names the file.

    Args:
        advice: what to do where this user may not open the file.
    """
    try:
        yield
    except PermissionError as error:
        raise RunError(f"{path}: cannot be opened ({error.strerror}); {advice}.") from None
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code, without SQLite's extension
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            raise RunError(f"{path}: cannot be opened ({error}); {advice}.") from None
        if code == sqlite3.SQLITE_BUSY:
            raise RunError(f"{path}: another program has locked it ({error}); try again later.") from None
        raise RunError(f"{path}: cannot be read as a file of votes ({error}); move it away or repair it.") from None
