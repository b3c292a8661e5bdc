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
from ugbench.runs.files import inside, is_file
from ugbench.runs.folder import VOTES
from ugbench.runs.json_file import make_folder, parse_object
from ugbench.statistics.preferences import Vote
from ugbench.votes.database import TABLES, VERSION, explained_errors, open_to_read, open_to_write
from ugbench.votes.poll import Poll

MOST_VOTES = 200_000  # votes that are read from a file


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
        with explained_errors(path, "let this user write it and its folder"):
            self._connection = open_to_write(path)
            with self._transaction() as connection:
                for statement in TABLES:
                    connection.execute(statement.replace("TABLE", "TABLE IF NOT EXISTS", 1))
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

    def add_rater(self, rater: str, name: str | None) -> bool:
        """Store a rater; a rater who is stored already is not changed.

        Args:
            name: what the rater calls themselves; None for no name.
        Returns:
            Whether the rater is new.
        Raises:
            NameTaken: another rater has this name.
        """
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM raters WHERE id = ?", (rater,)).fetchone() is not None:
                return False
            try:
                connection.execute("INSERT INTO raters VALUES (?, ?, ?)", (rater, name, _now()))
            except sqlite3.IntegrityError:
                raise NameTaken(f"somebody already votes as {name}; choose another name, or none.") from None
        return True

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

    def raters(self, polls: Sequence[Poll]) -> list[tuple[str, str | None, int, str, str]]:
        """The raters who voted in these polls, in the order of their first votes.

        Returns:
            For each the id, the name, the number of votes, and the times of the first and the last vote.
        """
        placeholders = ", ".join("?" * len(polls))
        query = (
            "SELECT raters.id, name, count(*), min(at), max(at) FROM votes JOIN raters ON raters.id = rater "
            f"WHERE poll IN ({placeholders}) GROUP BY raters.id ORDER BY min(at)"
        )
        with self._lock:
            return self._connection.execute(query, [poll.id for poll in polls]).fetchall()

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
        polls |= _read_file(inside(results, *path.relative_to(results).parts))
    return polls


def _read_file(path: Path) -> dict[Poll, tuple[Vote, ...]]:
    log = path.with_name(f"{path.name}-wal")
    if not is_file(log) or not log.stat().st_size:
        # All votes are in the file itself. Without `immutable` SQLite would still write a log and an index beside it.
        # `immutable` promises that nobody writes meanwhile; if a server has done so, the file has changed.
        before = path.stat()
        with explained_errors(path, "let this user read it"):
            polls = _select_votes(path, immutable=True)
        after = path.stat()
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return polls
    advice = (
        f"its newest votes are in {log.name}, which only a user who may write to that folder can read: run this as "
        "the user who runs `ugbench vote`, or copy both files to a folder that you may write to"
    )
    with explained_errors(path, advice):
        return _select_votes(path, immutable=False)


def _select_votes(path: Path, immutable: bool) -> dict[Poll, tuple[Vote, ...]]:
    votes_by_poll: dict[str, list[Vote]] = {}
    # One statement reads one state of the file, whoever votes meanwhile. The limits bound what a forged file can give.
    query = (
        "SELECT fields, substr(rater, 1, 99), substr(image, 1, 999), choice "
        "FROM (SELECT * FROM votes LIMIT ?) AS stored JOIN polls ON polls.id = stored.poll ORDER BY at"
    )
    with closing(open_to_read(path, immutable)) as connection:
        for number, (poll_json, *vote_fields) in enumerate(connection.execute(query, (MOST_VOTES + 1,))):
            if number == MOST_VOTES:
                raise RunError(f"{path} has more than {MOST_VOTES:,} votes; move it away.")
            votes = votes_by_poll.pop(poll_json, [])  # taken out and put in again, so the newest poll is the last
            votes.append(Vote(*vote_fields))
            votes_by_poll[poll_json] = votes
    try:
        polls = {Poll.from_json(parse_object(text)): tuple(votes) for text, votes in votes_by_poll.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RunError(f"{path} holds a poll that `ugbench vote` did not make; move it away.") from None
    for poll, poll_votes in polls.items():
        if not all(isinstance(vote.choice, int) and 0 <= vote.choice < len(poll.candidates) for vote in poll_votes):
            raise RunError(f"{path} holds a vote for none of the candidates; move it away.")
    return polls


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
