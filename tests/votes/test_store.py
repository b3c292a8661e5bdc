"""What is kept of a vote, who may vote again, and what is no file of votes."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ugbench.errors import RunError, UgbenchError
from ugbench.statistics.preferences import Vote
from ugbench.votes.poll import Candidate, Poll
from ugbench.votes.store import AlreadyVoted, NameTaken, VoteStore, read_polls

POLL = Poll("cats", "A2B", tuple(Candidate(name, None, None, name, 0, 9) for name in ("cut", "unit")), "0" * 64)
OTHER = Poll("cats", "B2A", POLL.candidates, "0" * 64)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "results" / "cats" / "votes.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[VoteStore]:
    opened = VoteStore(file)
    opened.add_poll(POLL)
    opened.add_poll(OTHER)
    opened.add_rater("ann", "Ann")
    yield opened
    opened.close()


def test_a_vote_is_read_back_with_its_poll_while_the_file_is_open(store: VoteStore, file: Path) -> None:
    store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    store.vote(POLL.id, Vote("ann", "cat2", 0), (0, 1))
    assert dict(read_polls(file.parents[1])) == {POLL: (Vote("ann", "cat1", 1), Vote("ann", "cat2", 0))}
    assert store.answered("ann") == {(POLL.id, "cat1"), (POLL.id, "cat2")}
    assert (store.count([POLL]), store.count([OTHER]), store.count([POLL, OTHER])) == (2, 0, 2)
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT shown FROM votes").fetchall() == [("[1, 0]",), ("[0, 1]",)]
    other.close()


def test_the_first_vote_stands_and_the_same_vote_again_changes_nothing(store: VoteStore, file: Path) -> None:
    store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    with pytest.raises(AlreadyVoted, match="the first one counts"):
        store.vote(POLL.id, Vote("ann", "cat1", 0), (1, 0))
    assert dict(read_polls(file.parents[1])) == {POLL: (Vote("ann", "cat1", 1),)}
    store.vote(OTHER.id, Vote("ann", "cat1", 0), (1, 0))
    assert store.count([POLL, OTHER]) == 2


def test_the_poll_voted_in_last_comes_last(store: VoteStore, file: Path) -> None:
    store.vote(OTHER.id, Vote("ann", "cat1", 0), (0, 1))
    store.vote(POLL.id, Vote("ann", "cat1", 0), (0, 1))
    assert list(read_polls(file.parents[1])) == [OTHER, POLL]
    store.vote(OTHER.id, Vote("ann", "cat2", 0), (0, 1))
    assert list(read_polls(file.parents[1])) == [POLL, OTHER]


def test_a_vote_is_refused_while_the_file_is_elsewhere_and_kept_once_it_is_back(store: VoteStore, file: Path) -> None:
    aside = file.with_name("aside.sqlite")
    file.rename(aside)
    with pytest.raises(
        UgbenchError, match=r"is no longer the file that was opened; put it back, or start `ugbench vote` again"
    ):
        store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    file.write_bytes(b"")
    with pytest.raises(UgbenchError, match="is no longer the file that was opened"):
        store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    aside.replace(file)
    assert store.count([POLL]) == 0
    store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    assert store.count([POLL]) == 1


def test_every_commit_waits_for_the_disk(store: VoteStore) -> None:
    (mode,) = store._connection.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store._connection.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)


def test_two_servers_and_many_threads_write_to_one_file(store: VoteStore, file: Path) -> None:
    second = VoteStore(file)
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


def test_a_name_is_one_rater_s_and_no_name_is_anybody_s(store: VoteStore) -> None:
    with pytest.raises(NameTaken, match="somebody already votes as Ann"):
        store.add_rater("other", "Ann")
    assert not store.has_rater("other")
    store.add_rater("other", None)
    store.add_rater("third", None)
    assert store.has_rater("other") and store.has_rater("third")


def test_an_unknown_rater_s_vote_is_refused_and_leaves_the_file_writable(store: VoteStore) -> None:
    with pytest.raises(UgbenchError, match=r"votes\.sqlite could not be written \(FOREIGN KEY"):
        store.vote(POLL.id, Vote("nobody", "cat1", 0), (0, 1))
    store.vote(POLL.id, Vote("ann", "cat1", 0), (0, 1))
    assert store.count([POLL]) == 1


def test_other_files_are_refused_in_one_sentence(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("no database, but long enough to be looked at" * 40)
    for read in (lambda: VoteStore(file), lambda: read_polls(file.parents[1])):
        with pytest.raises(RunError, match=r"votes\.sqlite: cannot be read as a file of votes"):
            read()
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE votes (poll)")
        other.execute("PRAGMA user_version = 7")
    other.close()
    for read in (lambda: VoteStore(file), lambda: read_polls(file.parents[1])):
        with pytest.raises(RunError, match=r"is not a file of votes of this version \(it has version 7, not 1\)"):
            read()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_reading_leaves_no_file_behind(store: VoteStore, file: Path) -> None:
    store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
    store.close()
    assert dict(read_polls(file.parents[1])) == {POLL: (Vote("ann", "cat1", 1),)}
    assert files(file.parent) == ["votes.sqlite"]


READ = """
import os, sys
from pathlib import Path
from ugbench.errors import RunError
from ugbench.votes.store import read_polls

if os.geteuid() == 0:  # whom no mode of a file binds
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    print([vote.image for votes in read_polls(Path(sys.argv[1])).values() for vote in votes])
except RunError as error:
    print(error)
"""


@pytest.fixture
def read_only() -> Iterator[Path]:
    """The file of votes in results that all may enter and its owner alone may write, with one vote."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "cats", "votes.sqlite")
        store = VoteStore(file)
        store.add_poll(POLL)
        store.add_rater("ann", None)
        store.vote(POLL.id, Vote("ann", "cat1", 1), (1, 0))
        store.close()
        file.chmod(0o644)  # by an owner who lets others read it
        yield file
        file.parent.chmod(0o755)


def read_without_rights(file: Path) -> str:
    """What another user, or one whose folder is closed to writing, reads."""
    file.parent.chmod(0o555)
    before = files(file.parent)
    done = subprocess.run([sys.executable, "-c", READ, file.parents[1]], capture_output=True, text=True, check=True)
    assert files(file.parent) == before
    return done.stdout


def test_votes_that_may_only_be_read_are_read(read_only: Path) -> None:
    assert read_without_rights(read_only) == "['cat1']\n"


def test_what_may_not_be_read_is_said_to_be_that_and_no_damage(read_only: Path) -> None:
    log = read_only.with_name("votes.sqlite-wal")
    log.write_bytes(b"log")
    printed = read_without_rights(read_only)
    assert "votes.sqlite: cannot be opened" in printed and "its newest votes are in votes.sqlite-wal" in printed
    read_only.parent.chmod(0o755)
    log.unlink()
    read_only.chmod(0)
    printed = read_without_rights(read_only)
    assert "votes.sqlite: cannot be opened" in printed and "let this user read it" in printed


def test_a_poll_survives_its_json() -> None:
    read_back = Poll.from_json(json.loads(json.dumps(asdict(POLL))))
    assert read_back == POLL and read_back.id == POLL.id


def modes(file: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.glob("votes.sqlite*")}


def test_the_file_and_its_log_may_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "cats" / "votes.sqlite"
    before = os.umask(0)
    try:
        store = VoteStore(file)
        store.add_poll(POLL)
        assert modes(file) == dict.fromkeys(("votes.sqlite", "votes.sqlite-wal", "votes.sqlite-shm"), 0o600)
        store.close()
        file.chmod(0o644)
        VoteStore(file).close()
        assert modes(file) == {"votes.sqlite": 0o600}
    finally:
        os.umask(before)


def test_a_file_of_votes_that_another_file_shares_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "votes.sqlite"
    VoteStore(file).close()
    (tmp_path / "other").hardlink_to(file)
    with pytest.raises(RunError, match="has several hard links"):
        VoteStore(file)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_no_file_of_votes_is_opened_through_a_link(tmp_path: Path, ending: str) -> None:
    file, document = tmp_path / "cats" / "votes.sqlite", tmp_path / "document"
    document.write_text("mine")
    if ending:
        VoteStore(file).close()
    else:
        file.parent.mkdir()
    Path(f"{file}{ending}").symlink_to(document)
    with pytest.raises(RunError, match="is a link"):
        VoteStore(file)
    with pytest.raises(RunError, match="is a link"):
        read_polls(tmp_path)
    assert document.read_text() == "mine"


def test_raters_are_listed_by_the_time_of_their_first_votes(tmp_path: Path) -> None:
    store = VoteStore(tmp_path / "votes.sqlite")
    store.add_poll(POLL)
    for rater, name in (("a", "Ann"), ("b", None), ("c", "Cy")):
        assert store.add_rater(rater, name) and not store.add_rater(rater, name)
    for rater, image in (("b", "cat1"), ("a", "cat1"), ("b", "cat2")):
        store.vote(POLL.id, Vote(rater, image, 0), (0, 1))
    listed = store.raters([POLL])
    assert [fields[:3] for fields in listed] == [("b", None, 2), ("a", "Ann", 1)]
    assert listed[0][3] < listed[1][3] == listed[1][4] < listed[0][4]
    store.close()
