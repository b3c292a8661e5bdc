"""What `--on slurm` submits and prints; sbatch and the queue are stand-ins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call, call_in

from ugbench.cli import slurm_study, study
from ugbench.study.slurm.jobs import Job
from ugbench.study.slurm.submission import Submission, scores_output, training_job

STUDY = ["compare", "--methods", "cyclegan", "--dataset", "dial:size=32,train=3,test=2", "--preset", "smoke"]
STUDY += ["--size", "32", "--seeds", "2", "--steps", "2", "--metric", "changed", "--extractor", "random"]


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The commands that were submitted. The job that scores prints `scored` for a person, and JSON for `--json`."""
    commands: list[Sequence[str]] = []

    def submit(*arguments: Any) -> Submission:
        planned, words, score_words, results, study_id, _parameters = arguments
        commands.extend(words(run) for run in planned)
        training = [training_job(f"1_{index}", run) for index, run in enumerate(planned)]
        if score_words is None:
            return Submission(training, [], None, ["1"])
        commands.append(score_words)
        output = scores_output(results, study_id)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text('{"table": "of the job"}\n' if "--json" in score_words else "scored\n", encoding="utf-8")
        return Submission(training, [], Job(job="2", kind="score"), ["1", "2"])

    monkeypatch.setattr(study, "slurm_parameters", lambda *_: {})
    monkeypatch.setattr(slurm_study, "check_locks", lambda *_: None)
    monkeypatch.setattr(slurm_study, "submit", submit)
    monkeypatch.setattr(slurm_study, "wait_for_jobs", lambda *_: {"1_0": "CANCELLED", "1_1": "PENDING"})
    return commands


def test_waiting_for_a_study_that_is_not_scored_prints_its_runs_for_scripts(
    tmp_path: Path, submitted: list[Any]
) -> None:
    words = [*STUDY, "--on", "slurm", "--wait", "--no-score"]
    printed = call_in(tmp_path, *words, "--json", code=1)
    shown = json.loads(printed.stdout)
    assert shown["table"] is None and shown["differences"] == []
    assert [(run["seed"], run["status"], run["step"]) for run in shown["runs"]] == [
        (0, "missing", 0),
        (1, "missing", 0),
    ]
    assert "seed 0 is cancelled" in printed.stderr
    assert call_in(tmp_path, *words, code=1).stdout == ""


def test_waiting_for_a_study_that_is_scored_prints_what_its_job_printed(tmp_path: Path, submitted: list[Any]) -> None:
    words = [*STUDY, "--on", "slurm", "--wait"]
    assert call_in(tmp_path, *words, code=1).stdout == "scored\n"
    assert json.loads(call_in(tmp_path, *words, "--json", code=1).stdout) == {"table": "of the job"}


def test_a_machine_without_a_gpu_submits_runs_for_machines_that_have_one(
    tmp_path: Path, submitted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "cache"))
    place = ["--results", tmp_path / "results", "--data-root", tmp_path / "datasets"]
    call(*STUDY, *place, "--device", "cuda", "--on", "slurm")
    assert len(submitted) == 3  # two runs, and their scores
    assert [words[words.index("--device") + 1] for words in submitted] == ["cuda"] * 3

    lines = call(*STUDY, *place, "--device", "cuda:5", "--print-commands").stdout.splitlines()
    assert len(lines) == 2 and all(" --device cuda:5 " in f"{line} " for line in lines)
    untimed = [word if word != "--steps" else "--minutes" for word in STUDY]
    for words in (
        [*STUDY, "--device", "cuda"],  # it would train here
        [*STUDY, "--device", "cuda5", "--print-commands"],
        [*untimed, "--device", "cuda", "--print-commands"],  # it would time steps here
    ):
        assert "error: --device cuda" in call(*words, *place, code=2).stderr
