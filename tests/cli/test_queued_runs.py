"""`ugbench runs` with jobs of SLURM: a stand-in for squeue says what waits, runs and was cancelled."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import call_in

from ugbench.study.slurm.jobs import Job, store

JOBS = [
    Job(job=f"7_{seed}", run=f"{seed}" * 12, folder=("cats", "cut", f"seed{seed}-{seed * 111111}"), method="cut",
        direction="A2B", seed=seed, steps=100)
    for seed in (1, 2, 3, 4)
]  # fmt: skip


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`queue(script)` puts a command squeue into the search path, which runs this script."""

    def put(script: str) -> None:
        file = tmp_path / "bin" / "squeue"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}:{os.environ['PATH']}")

    store(tmp_path / "results", "abc", JOBS)
    return put


def listed(home: Path, *words: str) -> list[tuple[Any, ...]]:
    rows = json.loads(call_in(home, "runs", *words, "--json").stdout)
    return [(row["id"], row["seed"], row["status"], row["step"], row["steps"], row["reason"]) for row in rows]


def test_runs_that_no_job_has_begun_are_listed_with_the_state_of_their_job(
    tmp_path: Path, queue: Callable[[str], None]
) -> None:
    queue("printf '7_1|PENDING\\n7_2|RUNNING\\n7_3|CANCELLED\\n7_4|NODE_FAIL\\n9|RUNNING\\n'")
    assert listed(tmp_path) == [
        ("1" * 12, 1, "queued", 0, 100, None),
        ("2" * 12, 2, "running", 0, 100, None),
        ("3" * 12, 3, "cancelled", 0, 100, "job 7_3 was cancelled; the study's command submits it again."),
        ("4" * 12, 4, "failed", 0, 100, "SLURM ended job 7_4: NODE_FAIL."),
    ]
    shown = call_in(tmp_path, "runs").stdout
    assert [line.split()[:6] for line in shown.splitlines()[1:2]] == [["1" * 12, "cats", "cut", "A2B", "-", "1"]]
    watched = call_in(tmp_path, "runs", "--watch").stdout
    assert watched == shown


def test_jobs_that_the_queue_has_forgotten_add_nothing(tmp_path: Path, queue: Callable[[str], None]) -> None:
    queue("true")
    assert listed(tmp_path) == []


def test_the_queue_is_asked_for_all_states_of_the_users_own_jobs_whatever_format_the_user_has_set(
    tmp_path: Path, queue: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUEUE_FORMAT", "%A")
    queue(f'echo "$@" $SQUEUE_FORMAT > {tmp_path}/asked')
    listed(tmp_path)
    assert (tmp_path / "asked").read_text() == "--me --array --states=all --noheader --format=%i|%T\n"


def test_a_queue_that_fails_is_said_and_the_list_is_that_of_the_folders(
    tmp_path: Path, queue: Callable[[str], None]
) -> None:
    queue("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    shown = call_in(tmp_path, "runs", "--json")
    assert json.loads(shown.stdout) == []
    assert "squeue failed (slurm_load_jobs error: Unable to contact slurm controller)" in shown.stderr
