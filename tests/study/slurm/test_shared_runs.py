"""Runs that two studies share have one job, which the scores of both wait for; the queue and sbatch are stand-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ugbench.study.outcomes import Outcome
from ugbench.study.plan import PlannedRun
from ugbench.study.slurm import submission, waiting
from ugbench.study.slurm.jobs import of_each_run, read, read_all
from ugbench.study.slurm.queue import short_numbers
from ugbench.study.slurm.submission import Submission
from ugbench.study.slurm.tasks import CommandTask


@dataclass
class Queue:
    """A queue whose jobs wait until a test says otherwise.

    Attributes:
        states: of the jobs.
        waits: what each job that scores waits for.
    """

    states: dict[str, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    arrays: int = 0

    def submit_tasks(self, tasks: Sequence[CommandTask], _folder: Path, parameters: Mapping[str, Any]) -> list[Any]:
        self.arrays += 1
        is_score = tasks[0].words == ["score"]
        numbers = [str(self.arrays)] if is_score else [f"{self.arrays}_{index}" for index in range(len(tasks))]
        self.states |= dict.fromkeys(numbers, "PENDING")
        if is_score:
            self.waits[numbers[0]] = parameters.get("slurm_dependency", "")
        return [SimpleNamespace(job_id=number) for number in numbers]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue()
    monkeypatch.setattr(submission, "job_states", lambda: dict(made.states))
    monkeypatch.setattr(submission, "submit_tasks", made.submit_tasks)
    monkeypatch.setattr(waiting, "job_states", lambda: dict(made.states))
    monkeypatch.setattr(waiting, "has_slurm", lambda: True)
    return made


def planned(results: Path, run: str) -> PlannedRun:
    path = results / "cats" / "cyclegan" / run
    of_run = SimpleNamespace(id=run, path=path, train_log=path / "train.log", steps=10)
    study_run = SimpleNamespace(arm=SimpleNamespace(method="cyclegan", variant=None), direction=None, seed=0)
    return cast(PlannedRun, SimpleNamespace(run=of_run, study_run=study_run, status="missing"))


def submit(results: Path, study: str, runs: str) -> Submission:
    of_study = [planned(results, run) for run in runs]
    return submission.submit(of_study, lambda run: ["train", run.run.id], ["score"], results, study, {})


def test_a_run_of_two_studies_has_one_job_and_the_scores_of_both_wait_for_it(tmp_path: Path, queue: Queue) -> None:
    first = submit(tmp_path, "first", "abc")
    assert [job.job for job in first.submitted] == ["1_0", "1_1", "1_2"] and queue.waits["2"] == "afterany:1"
    second = submit(tmp_path, "second", "bcd")
    assert [(job.run, job.job) for job in second.submitted] == [("d", "3_0")]
    assert [(job.run, job.job) for job in second.queued] == [("b", "1_1"), ("c", "1_2")]
    assert second.score is not None and queue.waits[second.score.job] == "afterany:3:1_1:1_2"
    assert second.numbers == ["3", "1_1", "1_2", "4"]  # to cancel the second study leaves `a` to the first
    assert {job.run: job.job for job in of_each_run(read_all(tmp_path), {})} == {
        "a": "1_0",
        "b": "1_1",
        "c": "1_2",
        "d": "3_0",
    }


def test_the_same_command_again_submits_nothing(tmp_path: Path, queue: Queue) -> None:
    submit(tmp_path, "first", "abc")
    before = submit(tmp_path, "second", "bcd")
    again = submit(tmp_path, "second", "bcd")
    assert not again.submitted and again.score == before.score and queue.arrays == 4
    assert [job.run for job in again.queued] == ["b", "c", "d"]


def test_a_study_waits_for_a_run_of_its_own_that_another_one_has_submitted_since(tmp_path: Path, queue: Queue) -> None:
    submit(tmp_path, "first", "ab")
    queue.states["1_0"] = "FAILED"
    submit(tmp_path, "second", "a")
    missing = [Outcome(planned(tmp_path, run), "missing") for run in "ab"]
    assert [outcome.status for outcome in waiting.with_jobs(missing, tmp_path)] == ["queued", "queued"]
    again = submit(tmp_path, "first", "ab")
    assert not again.submitted and [job.job for job in again.queued] == ["3_0", "1_1"]
    assert again.score is not None and queue.waits[again.score.job] == "afterany:3:1"
    assert {job.run: job.job for job in read(tmp_path, "first") if job.kind == "train"} == {"a": "3_0", "b": "1_1"}


def test_a_run_that_a_study_names_twice_is_submitted_once(tmp_path: Path, queue: Queue) -> None:
    assert [(job.run, job.job) for job in submit(tmp_path, "first", "aba").submitted] == [("a", "1_0"), ("b", "1_1")]


def test_an_array_is_named_as_one_unless_other_tasks_of_it_wait_or_run() -> None:
    states = {"7_0": "COMPLETED", "7_1": "RUNNING", "7_2": "PENDING", "8": "PENDING"}
    assert short_numbers(["7_1", "7_2", "8"], states) == ["7", "8"]
    assert short_numbers(["7_2", "9_0", "9_1"], states) == ["7_2", "9"]
