"""Where votes are kept: a SQLite file a data set. A vote that was acknowledged is on the disk.

Write-ahead log, synchronous=FULL, one transaction a vote: a process killed at any time loses no vote whose `vote`
returned. Several servers may write to one file, and `read_polls` may read it meanwhile.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from ugbench.errors import RunError, UgbenchError
from ugbench.runs.folder import VOTES
from ugbench.statistics.preferences import Vote
from ugbench.votes.poll import Poll

VERSION = 1
PATIENCE = 30.0  # seconds to wait for another writer

TABLES = """
CREATE TABLE IF NOT EXISTS secret (value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS polls (id TEXT PRIMARY KEY, fields TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS raters (id TEXT PRIMARY KEY, name TEXT UNIQUE, since TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS votes (
    poll TEXT NOT NULL REFERENCES polls (id),
    rater TEXT NOT NULL REFERENCES raters (id),
    image TEXT NOT NULL,
    choice INTEGER NOT NULL,
    shown TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (poll, rater, image)
);
"""


class NameTaken(UgbenchError):
    """Another browser votes under this name."""


class Voted(UgbenchError):
    """The rater has chosen otherwise on this image before; the first vote stands."""


class Store:
    """An open file of votes; its methods may be called from several threads.

    Attributes:
        path: the file.
        secret: random bytes made with the file, which what raters see in links is derived from.
    """

    def __init__(self, path: Path) -> None:
        """Open `path`, made with its folders if missing.

        Raises:
            RunError: it is no file of votes, or one of another version, or may not be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = Lock()
        self._inode: int | None = None
        with _openable(path, "let this user write it and its folder"):
            self._connection = _connect(path)
            with self._transaction() as write:
                for statement in filter(str.strip, TABLES.split(";")):
                    write.execute(statement)
                write.execute(
                    "INSERT INTO secret SELECT ? WHERE NOT EXISTS (SELECT 1 FROM secret)", (secrets.token_bytes(32),)
                )
                write.execute(f"PRAGMA user_version = {VERSION}")
            (self.secret,) = self._connection.execute("SELECT value FROM secret").fetchone()
        self._inode = path.stat().st_ino

    def close(self) -> None:
        """Close the file; SQLite folds its log into it."""
        self._connection.close()

    def add_poll(self, poll: Poll) -> None:
        """Keep what is asked; nothing if it is there already."""
        with self._transaction() as write:
            write.execute("INSERT OR IGNORE INTO polls VALUES (?, ?)", (poll.id, json.dumps(poll.to_json())))

    def add_rater(self, rater: str, name: str | None) -> None:
        """Keep a rater; one that is kept already stays as it is.

        Raises:
            NameTaken: another one has this name.
        """
        with self._transaction() as write:
            if write.execute("SELECT 1 FROM raters WHERE id = ?", (rater,)).fetchone() is not None:
                return
            try:
                write.execute("INSERT INTO raters VALUES (?, ?, ?)", (rater, name, _now()))
            except sqlite3.IntegrityError:
                raise NameTaken(f"somebody votes as {name} already; take another name, or none.") from None

    def has_rater(self, rater: str) -> bool:
        """Whether `add_rater` has kept this one."""
        with self._lock:
            return self._connection.execute("SELECT 1 FROM raters WHERE id = ?", (rater,)).fetchone() is not None

    def vote(self, poll: str, vote: Vote, shown: Sequence[int]) -> None:
        """Keep a vote; on the disk once this returns. The same vote again changes nothing.

        Args:
            shown: the candidates' indices in the order in which the rater saw them.
        Raises:
            Voted: the rater chose another candidate on this image before, which stays.
        """
        fields = (poll, vote.rater, vote.image, vote.choice, json.dumps(list(shown)), _now())
        with self._transaction() as write:
            write.execute("INSERT OR IGNORE INTO votes VALUES (?, ?, ?, ?, ?, ?)", fields)
            query = "SELECT choice FROM votes WHERE (poll, rater, image) = (?, ?, ?)"
            (kept,) = write.execute(query, fields[:3]).fetchone()
        if kept != vote.choice:
            raise Voted("this question has your vote already, and the first one counts.")

    def voted(self, rater: str) -> frozenset[tuple[str, str]]:
        """Poll and image of each question that a rater has answered."""
        with self._lock:
            rows = self._connection.execute("SELECT poll, image FROM votes WHERE rater = ?", (rater,)).fetchall()
        return frozenset(rows)

    def count(self, polls: Sequence[Poll]) -> int:
        """Votes in these polls."""
        marks = ", ".join("?" * len(polls))
        with self._lock:
            query = f"SELECT count(*) FROM votes WHERE poll IN ({marks})"
            (number,) = self._connection.execute(query, [poll.id for poll in polls]).fetchone()
        return int(number)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._check_place()
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise UgbenchError(
                    f"{self.path} could not be written ({error}); free space, or let this user write it."
                ) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _check_place(self) -> None:
        """A file that was moved away or removed while it is open takes votes that nobody will find."""
        if self._inode is None:
            return
        try:
            found = self.path.stat().st_ino
        except OSError:
            found = None
        if found != self._inode:
            raise UgbenchError(f"{self.path} is no longer the file that was opened; put it back, or serve again.")


def read_polls(results: Path) -> Mapping[Poll, tuple[Vote, ...]]:
    """The votes of every poll under a results folder that has any; of each data set the poll voted in last, last.

    Nothing is written, and results that may only be read can be read.

    Raises:
        RunError: a file is no file of votes, or one of another version, or may not be read.
    """
    found: dict[Poll, tuple[Vote, ...]] = {}
    for path in sorted(results.glob(f"*/{VOTES}")):
        found |= _read(path)
    return MappingProxyType(found)


def _read(path: Path) -> dict[Poll, tuple[Vote, ...]]:
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        # All is in the file itself. SQLite would still make a log and its index beside it, unless told that nobody
        # writes meanwhile; a server that did so after all (it began and ended just now) has changed the file.
        before = path.stat()
        with _openable(path, "let this user read it"):
            found = _votes(path, "mode=ro&immutable=1")
        after = path.stat()
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return found
    advice = (
        f"its newest votes are in {log.name}, which is read by whoever may write that folder: run this as the user "
        "who serves, or copy both files to a folder of your own"
    )
    with _openable(path, advice):
        return _votes(path, "mode=ro")


def _votes(path: Path, options: str) -> dict[Poll, tuple[Vote, ...]]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{options}", PATIENCE, uri=True)) as db:
        _check_version(db, path)
        votes: dict[str, list[Vote]] = {}
        # One statement sees one state of the file, whoever votes meanwhile.
        query = "SELECT fields, rater, image, choice FROM votes JOIN polls ON polls.id = votes.poll ORDER BY at"
        for poll, *fields in db.execute(query):
            own = votes.pop(poll, [])  # to the end: the poll voted in last comes last
            own.append(Vote(*fields))
            votes[poll] = own
    return {Poll.from_json(json.loads(poll)): tuple(own) for poll, own in votes.items()}


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _check_version(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and version != VERSION:
        raise RunError(f"{path} is no file of votes of this version ({version} instead of {VERSION}); move it away.")


@contextmanager
def _openable(path: Path, advice: str) -> Iterator[None]:
    """`advice`: what to do where this user may not open the file."""
    try:
        yield
    except sqlite3.Error as error:
        code = error.sqlite_errorcode & 0xFF  # without what SQLite adds to tell cases apart
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            raise RunError(f"{path}: cannot be opened ({error}); {advice}.") from None
        if code == sqlite3.SQLITE_BUSY:
            raise RunError(f"{path}: another program holds it ({error}); try again later.") from None
        raise RunError(f"{path}: cannot be read as a file of votes ({error}); move it away or mend it.") from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
