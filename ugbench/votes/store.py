"""The store of votes: one SQLite file per data set.

Each vote is one transaction, with a write-ahead log and synchronous=FULL. So once `VoteStore.vote` has returned, the
vote is on the disk, and no kill of the process can lose it. Several servers may write to one file at the same time,
and `read_polls` may read it meanwhile.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from ugbench.errors import RunError, UgbenchError
from ugbench.runs.folder import VOTES
from ugbench.runs.json_file import make_folder
from ugbench.statistics.preferences import Vote
from ugbench.votes.poll import Poll

VERSION = 1
TIMEOUT = 30.0  # seconds to wait for another writer

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
    """Another rater has this name."""


class AlreadyVoted(UgbenchError):
    """The rater has already chosen another candidate on this image; the first vote counts."""


class VoteStore:
    """An open file of votes. Its methods may be called from several threads.

    Attributes:
        path: the file.
        secret: random bytes, made once for each file; the keys in raters' links are derived from them.
    """

    def __init__(self, path: Path) -> None:
        """Open the file `path`; it is made, with its folders, if it is missing.

        Raises:
            RunError: the file is not a file of votes, is of another version, or may not be written.
        """
        make_folder(path.parent)
        self.path = path
        self._lock = Lock()
        self._inode: int | None = None
        with _explained_errors(path, "let this user write it and its folder"):
            self._connection = _connect(path)
            with self._transaction() as connection:
                for statement in filter(str.strip, TABLES.split(";")):
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO secret SELECT ? WHERE NOT EXISTS (SELECT 1 FROM secret)", (secrets.token_bytes(32),)
                )
                connection.execute(f"PRAGMA user_version = {VERSION}")
            (self.secret,) = self._connection.execute("SELECT value FROM secret").fetchone()
        self._inode = path.stat().st_ino

    def close(self) -> None:
        """Close the file; SQLite then moves its write-ahead log into the file."""
        self._connection.close()

    def add_poll(self, poll: Poll) -> None:
        """Store a poll, unless it is stored already."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO polls VALUES (?, ?)", (poll.id, json.dumps(asdict(poll))))

    def add_rater(self, rater: str, name: str | None) -> None:
        """Store a rater; a rater that is stored already stays as they are.

        Args:
            name: what the rater calls themselves; None for no name.
        Raises:
            NameTaken: another rater has this name.
        """
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM raters WHERE id = ?", (rater,)).fetchone() is not None:
                return
            try:
                connection.execute("INSERT INTO raters VALUES (?, ?, ?)", (rater, name, _now()))
            except sqlite3.IntegrityError:
                raise NameTaken(f"somebody already votes as {name}; choose another name, or none.") from None

    def has_rater(self, rater: str) -> bool:
        """Whether the rater is stored."""
        with self._lock:
            return self._connection.execute("SELECT 1 FROM raters WHERE id = ?", (rater,)).fetchone() is not None

    def vote(self, poll_id: str, vote: Vote, shown: Sequence[int]) -> None:
        """Store a vote; it is on the disk once this returns. The same vote a second time changes nothing.

        Args:
            shown: the candidates' indices in the order in which the rater saw them.
        Raises:
            AlreadyVoted: the rater has already chosen another candidate on this image; that vote stays.
        """
        fields = (poll_id, vote.rater, vote.image, vote.choice, json.dumps(list(shown)), _now())
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO votes VALUES (?, ?, ?, ?, ?, ?)", fields)
            query = "SELECT choice FROM votes WHERE (poll, rater, image) = (?, ?, ?)"
            (stored_choice,) = connection.execute(query, fields[:3]).fetchone()
        if stored_choice != vote.choice:
            raise AlreadyVoted("this question already has your vote, and the first one counts.")

    def answered(self, rater: str) -> frozenset[tuple[str, str]]:
        """The poll's id and the image of each question that a rater has answered."""
        with self._lock:
            rows = self._connection.execute("SELECT poll, image FROM votes WHERE rater = ?", (rater,)).fetchall()
        return frozenset(rows)

    def count(self, polls: Sequence[Poll]) -> int:
        """The number of votes in these polls."""
        placeholders = ", ".join("?" * len(polls))
        with self._lock:
            query = f"SELECT count(*) FROM votes WHERE poll IN ({placeholders})"
            (number,) = self._connection.execute(query, [poll.id for poll in polls]).fetchone()
        return int(number)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._check_file()
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise UgbenchError(
                    f"{self.path} could not be written ({error}); free space, or let this user write it."
                ) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _check_file(self) -> None:
        """Raise where the open file was moved or removed: nobody would find the votes that it takes."""
        inode = self.path.stat().st_ino if self.path.exists() else None
        if self._inode is not None and inode != self._inode:
            raise UgbenchError(
                f"{self.path} is no longer the file that was opened; put it back, or start `ugbench vote` again."
            )


def read_polls(results: Path) -> Mapping[Poll, tuple[Vote, ...]]:
    """The votes of every poll under a results folder that has votes.

    Data sets are sorted by name; the polls of one data set are sorted by the time of their last vote, newest last.
    Nothing is written, so results that this user may only read can be read.

    Raises:
        RunError: a file is not a file of votes, is of another version, or may not be read.
    """
    polls: dict[Poll, tuple[Vote, ...]] = {}
    for path in sorted(results.glob(f"*/{VOTES}")):
        polls |= _read_file(path)
    return polls


def _read_file(path: Path) -> dict[Poll, tuple[Vote, ...]]:
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        # All votes are in the file itself. Without `immutable` SQLite would still write a log and an index beside it.
        # `immutable` promises that nobody writes meanwhile; if a server has done so, the file has changed.
        before = path.stat()
        with _explained_errors(path, "let this user read it"):
            polls = _select_votes(path, "mode=ro&immutable=1")
        after = path.stat()
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return polls
    advice = (
        f"its newest votes are in {log.name}, which only a user who may write to that folder can read: run this as "
        "the user who runs `ugbench vote`, or copy both files to a folder that you may write to"
    )
    with _explained_errors(path, advice):
        return _select_votes(path, "mode=ro")


def _select_votes(path: Path, options: str) -> dict[Poll, tuple[Vote, ...]]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{options}", TIMEOUT, uri=True)) as connection:
        _check_version(connection, path)
        votes_by_poll: dict[str, list[Vote]] = {}
        # One statement reads one state of the file, whoever votes meanwhile.
        query = "SELECT fields, rater, image, choice FROM votes JOIN polls ON polls.id = votes.poll ORDER BY at"
        for poll_json, *vote_fields in connection.execute(query):
            votes = votes_by_poll.pop(poll_json, [])  # taken out and put in again, so the newest poll is the last
            votes.append(Vote(*vote_fields))
            votes_by_poll[poll_json] = votes
    return {Poll.from_json(json.loads(poll_json)): tuple(votes) for poll_json, votes in votes_by_poll.items()}


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        _check_version(connection, path)
        for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and version != VERSION:
        raise RunError(
            f"{path} is not a file of votes of this version (it has version {version}, not {VERSION}); move it away."
        )


@contextmanager
def _explained_errors(path: Path, advice: str) -> Iterator[None]:
    """Turn SQLite's errors into a RunError that names the file.

    Args:
        advice: what to do where this user may not open the file.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = error.sqlite_errorcode & 0xFF  # the primary code, without SQLite's extension
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            raise RunError(f"{path}: cannot be opened ({error}); {advice}.") from None
        if code == sqlite3.SQLITE_BUSY:
            raise RunError(f"{path}: another program has locked it ({error}); try again later.") from None
        raise RunError(f"{path}: cannot be read as a file of votes ({error}); move it away or repair it.") from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
