"""A training that is killed again and again ends as one that was left alone; a sabotaged one does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from kills import KillReport, kill_campaign
from processes import Server

METHOD = "cyclegan"  # it has an image pool
KILLS, STEPS = 6, 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the runs; the one that is left alone is trained once for all tests."""
    return tmp_path_factory.mktemp("runs")


def killed(folder: Path, server: Server, sabotage: str | None = None) -> KillReport:
    return kill_campaign(METHOD, KILLS, folder, server, sabotage, runs=1, steps=STEPS)


def test_kills_aimed_by_progress_change_nothing_and_leave_nothing(folder: Path, server: Server) -> None:
    report = killed(folder, server)
    assert report.kills.total() >= KILLS
    assert report.inside_saves >= 2, "no kill hit a save, so this shows little"
    assert report.differing == {}
    assert report.leftovers == []


@pytest.mark.parametrize(
    ("sabotage", "noticed"),
    [
        ("pool", {"state"}),
        ("reseeding", {"state", "metrics"}),
        ("log", {"metrics", "timed_steps"}),
        ("optimizers", {"state", "metrics"}),
    ],
)
def test_the_same_kills_of_a_sabotaged_program_are_noticed(
    folder: Path, server: Server, sabotage: str, noticed: set[str]
) -> None:
    assert noticed <= set(killed(folder, server, sabotage).differing[0])
