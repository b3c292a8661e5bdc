"""The processes of a study's runs: a run that cannot start costs no other, and an error leaves none behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ugbench.study import measure, runner, stages
from ugbench.study.grid import declare
from ugbench.study.outcomes import Outcome
from ugbench.study.plan import PlannedRun, StudySetup, make_plan
from ugbench.training.request import Request

STEPS = 2
STUDY = declare(
    {
        "methods": ["cyclegan"],
        "datasets": ["dial:size=32,train=3,test=2"],
        "seeds": [0, 1, 2],
        "preset": "smoke",
        "size": 32,
        "steps": STEPS,
    },
    "the test",
)
# Stands for a training: the run is done when it has the checkpoint of its last step.
TRAINS = f"import pathlib, sys; pathlib.Path(sys.argv[1], 'checkpoints', '{STEPS}').mkdir(parents=True)"
# Trains until it is asked to stop, and then saves, which takes a while.
WAITS = """
import pathlib, signal, sys, time
run = pathlib.Path(sys.argv[1])
def save(number, frame):
    time.sleep(0.5)
    (run / "saved").touch()
    sys.exit(75)
signal.signal(signal.SIGINT, save)
(run / "ready").touch()
time.sleep(60)
"""


@pytest.fixture
def planned(tmp_path: Path) -> list[PlannedRun]:
    """Three runs, which are not trained."""
    return make_plan(STUDY, StudySetup(tmp_path / "results", tmp_path / "datasets", torch.device("cpu"), "fp32"))


def trained_by(script: str, planned: list[PlannedRun]) -> Callable[..., list[str]]:
    """What takes the place of `command`: a script that gets the folder of the run."""
    folders = {run.request.seed: run.run.path for run in planned}

    def command(request: Request, *_: object) -> list[str]:
        return [sys.executable, "-I", "-c", script, str(folders[request.seed])]

    return command


def take_the_folder(run: PlannedRun) -> None:
    run.run.path.parent.mkdir(parents=True)
    run.run.path.write_text("no folder", encoding="utf-8")


def take_the_log(run: PlannedRun) -> None:
    run.run.train_log.mkdir(parents=True)


@pytest.mark.parametrize("refuse", [take_the_folder, take_the_log])
def test_a_run_whose_folder_refuses_has_failed_and_the_others_are_trained(
    refuse: Callable[[PlannedRun], None], planned: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(planned[0])
    monkeypatch.setattr(runner, "command", trained_by(TRAINS, planned))
    said: list[str] = []
    steps: list[tuple[int, int]] = []
    outcomes = runner.train_all(planned, 2, said.append, lambda *counts: steps.append(counts))
    statuses = {outcome.planned.run.id: outcome.status for outcome in outcomes}
    assert [statuses[run.run.id] for run in planned] == ["failed", "done", "done"]
    (failed,) = [sentence for sentence in said if "FAILED" in sentence]
    assert failed.startswith("cyclegan on") and "seed 0 FAILED" in failed and str(planned[0].run.path) in failed
    assert steps[-1] == (2 * STEPS, 3 * STEPS)


@pytest.mark.parametrize(("left", "at_once"), [(3, 3), (2, 2), (1, 1), (0, 0)])
def test_no_more_jobs_are_counted_than_runs_are_left(
    left: int, at_once: int, planned: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run takes 4 GiB here, and 12 GiB are free: three fit, and the eight of --jobs would not."""
    monkeypatch.setattr(
        measure, "measure_arms", lambda _study, arms, *_: {arm: {"peak_memory_bytes": 4 * 2**30} for arm in arms}
    )
    monkeypatch.setattr(measure, "free_bytes", lambda _device: 12 * 2**30)
    asked: list[int] = []

    def train_all(_planned: object, jobs: int, *_: object) -> list[Outcome]:
        asked.append(jobs)
        return []

    monkeypatch.setattr(runner, "train_all", train_all)
    of_study = [replace(run, step=0 if index < left else STEPS) for index, run in enumerate(planned)]
    setup = StudySetup(planned[0].request.results, planned[0].request.data_root, torch.device("cpu"), "fp32")
    report = stages.Report(print, lambda _title: nullcontext(lambda _done, _total: None))
    stages.train_and_score(STUDY, setup, of_study, None, report, jobs=8)
    assert asked == [at_once]


def test_runs_whose_process_the_system_refuses_have_failed(
    planned: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "command", lambda *_: ["/none/such/program"])
    outcomes = runner.train_all(planned, 1, print, lambda *_: None)
    assert [outcome.status for outcome in outcomes] == ["failed"] * 3
    assert "/none/such/program" in outcomes[0].log


def test_an_error_ends_only_when_the_runs_that_train_were_asked_to_stop_and_have_saved(
    planned: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "command", trained_by(WAITS, planned))
    processes: list[int] = []
    popen = runner.subprocess.Popen

    def started(*words: object, **options: object) -> object:
        process = popen(*words, **options)  # type: ignore[call-overload]
        processes.append(process.pid)
        return process

    monkeypatch.setattr(runner.subprocess, "Popen", started)

    def progress(_done: int, _total: int) -> None:
        if all((run.run.path / "ready").exists() for run in planned[:2]):
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        runner.train_all(planned, 2, print, progress)
    assert [(run.run.path / "saved").exists() for run in planned] == [True, True, False]
    assert len(processes) == 2
    for pid in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
