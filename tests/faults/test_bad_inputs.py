"""Bad input of any kind ends in one sentence, soon, and changes nothing around it."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_inputs import Case, bad_input_campaign
from campaign import INPUTS, bad_cases
from good_inputs import make_good_inputs
from one_sentence import faults_of
from processes import Ended, Server
from rooms import Room, changes

EVERY = 20  # one of so many cases of the whole campaign


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Room:
    """A room with good input."""
    made = Room(tmp_path_factory.mktemp("bad") / "room")
    make_good_inputs(made, server)
    return made


@pytest.mark.parametrize("kind", INPUTS)
def test_bad_input_ends_in_one_sentence(room: Room, server: Server, kind: str) -> None:
    cases: list[Case] = list(bad_cases(kind, INPUTS[kind], room.work))[::EVERY]
    report = bad_input_campaign(cases, room, server)
    assert report.faults == []
    assert report.tried[kind] == len(cases)
    assert report.refused[kind] > 0


def ended(code: int, err: str = "", out: str = "") -> Ended:
    return Ended(code, out, err, seconds=1, cpu_seconds=1, peak_memory=1)


@pytest.mark.parametrize(
    ("end", "fault"),
    [
        (ended(-9), "did not end"),
        (ended(-11), "exit code -11"),
        (ended(0, out="done"), "exit code 0"),
        (ended(2), "not one sentence"),
        (ended(2, "error: a.\nerror: b.\n"), "not one sentence"),
        (ended(2, "error: a.\nwarning\n"), "not one sentence"),
        (ended(2, "error: no full stop\n"), "not a sentence"),
        (ended(1, "Traceback (most recent call last):\n  …\nKeyError: 'x'\n"), "a traceback: KeyError"),
        (ended(2, "error: \x1b[31mred.\n"), "control characters"),
    ],
)
def test_an_end_that_is_not_one_sentence_is_noticed(end: Ended, fault: str) -> None:
    assert any(fault in text for text in faults_of(end, codes=(1, 2)))


def test_a_report_may_stand_for_the_sentence(room: Room) -> None:
    assert faults_of(ended(1, out="unreadable: x.png\n"), codes=(1,), reported=True) == []
    assert faults_of(ended(1), codes=(1,), reported=True) != []


def test_what_a_program_may_write_is_no_change_around_it(room: Room) -> None:
    room.renew()
    before = room.around(written=("out",))
    (room.work / "out").mkdir()
    (room.work / "out" / "x").touch()
    assert room.around(written=("out",)) == before
    assert room.around() != before


@pytest.mark.parametrize("place", ["home/.profile", "outside/new", "tmp/left", "work/study.toml", "work/output"])
def test_a_program_that_writes_elsewhere_is_noticed(tmp_path: Path, place: str) -> None:
    room = Room(tmp_path / "room")
    (room.work / "study.toml").write_text("seeds = 1\n")
    before = room.around(written=("out",))
    (room.folder / place).write_text("changed\n")
    assert changes(before, room.around(written=("out",))) == [place]
