"""Waiting for jobs: what is said while the queue changes, and how each run counts in the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ugbench.errors import UgbenchError
from ugbench.study.outcomes import Outcome
from ugbench.study.plan import PlannedRun
from ugbench.study.slurm.jobs import Job, of_each_run, read, read_all, store
from ugbench.study.slurm.waiting import wait_for_jobs, with_states


@dataclass
class FakeRun:
    """A run of 10 steps whose number of done steps the test sets."""

    id: str
    metrics_file: Path
    timing_file: Path
    done: int = 0
    steps: int = 10

    def step(self) -> int:
        return self.done

    def is_done(self) -> bool:
        return self.done == self.steps

    @property
    def dataset_folder(self) -> Path:
        return Path("results/cats")

    @property
    def method_file(self) -> Path:
        return self.metrics_file.with_name("method.json")


def planned(name: str, tmp_path: Path) -> tuple[FakeRun, PlannedRun]:
    run = FakeRun(name, tmp_path / name / "metrics.jsonl", tmp_path / name / "timing.jsonl")
    study_run = SimpleNamespace(arm=SimpleNamespace(label="cut"), direction="A2B", seed=name)
    fields = SimpleNamespace(run=run, study_run=study_run, seconds_per_step=6.0)
    return run, cast(PlannedRun, fields)


def test_waiting_says_each_change_once_and_survives_a_controller_that_restarts(tmp_path: Path) -> None:
    (a, plan_a), (b, plan_b) = planned("a", tmp_path), planned("b", tmp_path)
    jobs = [Job(job="1_0", run="a"), Job(job="1_1", run="b"), Job(job="2", kind="score")]
    said: list[str] = []
    steps: list[tuple[int, int]] = []

    def look(number: int) -> dict[str, str]:
        if number == 0:
            return {"1_0": "RUNNING", "1_1": "PENDING", "2": "PENDING", "99": "RUNNING"}
        if number in (1, 2):
            raise UgbenchError("squeue failed (no controller); check that SLURM runs.")
        if number == 3:
            a.done, b.done = 10, 5
            return {"1_0": "COMPLETED", "1_1": "RUNNING", "2": "PENDING"}
        b.done = 7
        return {"1_1": "CANCELLED", "2": "COMPLETED", "99": "RUNNING"}

    looks = iter(range(9))
    states = wait_for_jobs(
        [plan_a, plan_b], jobs, said.append, lambda *counts: steps.append(counts), lambda s: f"{s:.0f} s",
        states_now=lambda: look(next(looks)), pause=0,
    )  # fmt: skip
    assert states == {"1_0": "COMPLETED", "1_1": "CANCELLED", "2": "COMPLETED"}
    assert steps == [(0, 20), (15, 20), (17, 20)]
    assert said == [
        "cut on cats A2B, seed a: running (job 1_0)",
        "cut on cats A2B, seed b: pending (job 1_1)",
        "scoring: pending (job 2)",
        "0 of 2 runs done; jobs: 1 running, 2 queued; about 120 s left.",
        "squeue failed (no controller); check that SLURM runs.",
        "cut on cats A2B, seed a: completed (job 1_0)",
        "cut on cats A2B, seed b: running (job 1_1)",
        "1 of 2 runs done; jobs: 1 running, 1 queued; about 30 s left.",
        "cut on cats A2B, seed b: cancelled (job 1_1)",
        "scoring: completed (job 2)",
    ]


def test_a_job_that_the_queue_has_forgotten_is_not_waited_for(tmp_path: Path) -> None:
    _, run = planned("a", tmp_path)
    states = wait_for_jobs([run], [Job(job="7", run="a")], print, lambda *_: None, str, states_now=dict, pause=0)
    assert states == {}


def test_the_state_of_a_job_decides_for_runs_whose_folder_does_not_tell(tmp_path: Path) -> None:
    def status(of_folder: Any, state: str) -> str:
        _, run = planned("a", tmp_path)
        (outcome,) = with_states([Outcome(run, of_folder)], [Job(job="1_0", run="a")], {"1_0": state})
        return outcome.status + (f": {outcome.log}" if outcome.log else "")

    assert status("done", "CANCELLED") == "done"
    assert status("failed", "CANCELLED") == "failed"
    assert status("missing", "PENDING") == "queued"
    assert status("stopped", "RUNNING") == "running"
    assert status("stopped", "CANCELLED") == "cancelled"
    assert status("stopped", "COMPLETED") == "stopped"
    assert status("missing", "OUT_OF_MEMORY") == "failed: SLURM ended job 1_0: OUT_OF_MEMORY"


def test_a_later_job_of_a_run_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    store(tmp_path, "abc", [Job(job="1_0", run="a"), Job(job="1_1", run="b"), Job(job="2", kind="score")])
    store(tmp_path, "abc", [Job(job="5", run="b"), Job(job="6", kind="score")])
    assert {(job.kind, job.run): job.job for job in read(tmp_path, "abc")} == {
        ("train", "a"): "1_0",
        ("train", "b"): "5",
        ("score", ""): "6",
    }
    assert {job.run: job.job for job in of_each_run(read_all(tmp_path), {})} == {"a": "1_0", "b": "5"}
    assert read(tmp_path, "other") == []


def test_of_the_jobs_of_a_run_one_that_waits_or_runs_counts_before_a_later_one_that_ended() -> None:
    submitted = [Job(job="1_0", run="a"), Job(job="1_1", run="b"), Job(job="5", run="a"), Job(job="6", run="b")]
    states = {"1_0": "RUNNING", "1_1": "CANCELLED", "5": "CANCELLED", "6": "FAILED"}
    assert [(job.run, job.job) for job in of_each_run(submitted, states)] == [("a", "1_0"), ("b", "6")]
    assert [job.job for job in of_each_run(submitted, states | {"5": "PENDING"})] == ["5", "6"]
