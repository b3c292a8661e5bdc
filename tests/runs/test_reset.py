"""Resetting a run removes everything that training and scoring wrote for it, and nothing of other runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from ugbench.cli.app import app
from ugbench.errors import RunError
from ugbench.runs.folder import DIFFERENCES
from ugbench.runs.reset import reset
from ugbench.runs.run import Run, find_run

LOCKS = {".lock", ".outputs.lock"}
TINY = ["--dataset", "dial", "--preset", "smoke", "--steps", "1", "--size", "32", "--set"]
TINY += ["channels=4,discriminator_channels=4,blocks=1"]


def call(*words: object) -> Any:
    result = CliRunner().invoke(app, [str(word) for word in (*words, "--device", "cpu", "--json")])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A U-GAT-IT run of one step that was trained and scored, with attention maps and values of single outputs."""
    where = ["--results", tmp_path / "results"]
    trained = call("train", "ugatit", *TINY, *where, "--data-root", tmp_path / "data", "--sample-every", 1)
    call("eval", trained["id"], "--metric", "kid,cam_mass,changed", "--extractor", "random", *where)
    return find_run(trained["id"], tmp_path / "results")


def names(run: Run) -> set[str]:
    return {path.relative_to(run.path).as_posix() for path in run.path.rglob("*")}


def test_only_the_config_is_left_of_a_run_that_was_trained_and_scored(run: Run) -> None:
    expected = {"checkpoints/1/manifest.json", "outputs/A2B/maps.safetensors", "outputs/B2A/attention/global"}
    expected |= {"samples/0000001.png", "scores.jsonl", "single/A2B/1.json", "method.json", "environment.json"}
    assert expected <= names(run)
    run.train_log.write_text("what a study's process printed\n")
    reset(run)
    assert names(run) - LOCKS == {"config.json"}


def test_lines_about_the_run_are_removed_from_the_differences_of_its_data_set(run: Run) -> None:
    file = run.dataset_folder / DIFFERENCES
    lines = [json.dumps({"first": first, "second": second}) + "\n" for first, second in ((run.id, "b"), ("b", "c"))]
    file.write_text("".join(lines) + json.dumps({"first": "c", "second": run.id}) + "\n")
    reset(run)
    assert file.read_text() == lines[1]


def test_a_reset_beside_a_command_that_scores_the_run_is_refused(run: Run) -> None:
    before = names(run)
    with FileLock(run.path / ".outputs.lock"), pytest.raises(RunError, match="another process makes or scores its out"):
        reset(run)
    assert names(run) == before


def test_files_that_a_kill_left_unfinished_are_removed(run: Run) -> None:
    (run.path / ".metrics.jsonl.4711").write_text("half of it")
    (run.path / ".generators.safetensors.4711").write_text("half of it")
    reset(run)
    assert names(run) - LOCKS == {"config.json"}


def test_what_a_user_put_into_the_folder_stays(run: Run) -> None:
    (run.path / "notes.txt").write_text("a good run")
    reset(run)
    assert names(run) - LOCKS == {"config.json", "notes.txt"}
