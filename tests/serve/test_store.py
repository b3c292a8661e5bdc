"""What is kept of a vote, who may vote again, and what is no file of votes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ugbench.errors import RunError, UgbenchError
from ugbench.polls import Candidate, Poll, Vote
from ugbench.serve.store import NameTaken, Store, Voted, read_polls

POLL = Poll("cats", "A2B", tuple(Candidate(name, None, None, name, 0, 9) for name in ("cut", "unit")), "0" * 64)
OTHER = Poll("cats", "B2A", POLL.candidates, "0" * 64)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "results" / "cats" / "votes.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = Store(file)
    opened.add_poll(POLL)
    opened.add_poll(OTHER)
    opened.add_rater("ann", "Ann")
    yield opened
    opened.close()


def test_a_vote_is_read_back_with_its_poll_while_the_file_is_open(store: Store, file: Path) -> None:
    store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    store.vote(POLL.id, Vote("ann", "cat2", 0), (0, 1))
    assert dict(read_polls(file.parents[1])) == {POLL: (Vote("ann", "cat1", 1), Vote("ann", "cat2", 0))}
    assert store.voted("ann") == {(POLL.id, "cat1"), (POLL.id, "cat2")}
    assert (store.count([POLL]), store.count([OTHER]), store.count([POLL, OTHER])) == (2, 0, 2)
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT shown FROM votes").fetchall() == [("[1, 0]",), ("[0, 1]",)]
    other.close()


def test_the_first_vote_stands_and_the_same_vote_again_changes_nothing(store: Store, file: Path) -> None:
    store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    with pytest.raises(Voted, match="the first one counts"):
        store.vote(POLL.id, Vote("ann", "cat1", 0), (1, 0))
    assert dict(read_polls(file.parents[1])) == {POLL: (Vote("ann", "cat1", 1),)}
    store.vote(OTHER.id, Vote("ann", "cat1", 0), (1, 0))
    assert store.count([POLL, OTHER]) == 2


def test_the_poll_voted_in_last_comes_last(store: Store, file: Path) -> None:
    store.vote(OTHER.id, Vote("ann", "cat1", 0), (0, 1))
    store.vote(POLL.id, Vote("ann", "cat1", 0), (0, 1))
    assert list(read_polls(file.parents[1])) == [OTHER, POLL]
    store.vote(OTHER.id, Vote("ann", "cat2", 0), (0, 1))
    assert list(read_polls(file.parents[1])) == [POLL, OTHER]


def test_every_commit_waits_for_the_disk(store: Store) -> None:
    (mode,) = store._connection.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store._connection.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)


def test_two_servers_and_many_threads_write_to_one_file(store: Store, file: Path) -> None:
    second = Store(file)
    assert second.secret == store.secret
    for number in range(8):
        store.add_rater(f"rater {number}", None)

    def vote(number: int) -> None:
        for place in range(12):
            (store, second)[place % 2].vote(POLL.id, Vote(f"rater {number}", f"cat{place}", place % 2), (0, 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(vote, range(8)))
    second.close()
    (votes,) = read_polls(file.parents[1]).values()
    assert {(vote.rater, vote.image) for vote in votes} == {
        (f"rater {r}", f"cat{c}") for r in range(8) for c in range(12)
    }


def test_a_name_is_one_rater_s_and_no_name_is_anybody_s(store: Store) -> None:
    with pytest.raises(NameTaken, match="somebody votes as Ann already"):
        store.add_rater("other", "Ann")
    assert not store.has_rater("other")
    store.add_rater("other", None)
    store.add_rater("third", None)
    assert store.has_rater("other") and store.has_rater("third")


def test_an_unknown_rater_s_vote_is_refused_and_leaves_the_file_writable(store: Store) -> None:
    with pytest.raises(UgbenchError, match=r"votes\.sqlite could not be written \(FOREIGN KEY"):
        store.vote(POLL.id, Vote("nobody", "cat1", 0), (0, 1))
    store.vote(POLL.id, Vote("ann", "cat1", 0), (0, 1))
    assert store.count([POLL]) == 1


def test_other_files_are_refused_in_one_sentence(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("no database, but long enough to be looked at" * 40)
    for read in (lambda: Store(file), lambda: read_polls(file.parents[1])):
        with pytest.raises(RunError, match=r"votes\.sqlite: cannot be read as a file of votes"):
            read()
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE votes (poll)")
        other.execute("PRAGMA user_version = 7")
    other.close()
    for read in (lambda: Store(file), lambda: read_polls(file.parents[1])):
        with pytest.raises(RunError, match=r"no file of votes of this version \(7 instead of 1\)"):
            read()


def test_a_poll_survives_its_json() -> None:
    assert Poll.from_json(json.loads(json.dumps(POLL.to_json()))) == POLL
    assert Poll.from_json(json.loads(json.dumps(POLL.to_json()))).id == POLL.id
