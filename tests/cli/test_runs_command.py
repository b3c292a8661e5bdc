"""`ugbench runs`: every run under a results folder and how far it is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import Result

from ugbench.runs import checkpoint
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run

Call = Callable[..., Result]


def make_run(results: Path, seed: int, variant: str | None, step: int) -> Run:
    """A run of 10 steps with a checkpoint at `step`; none at 0."""
    config = RunConfig(
        method="ugatit",
        variant=variant,
        preset="smoke",
        config={"steps": 10},
        dataset=DatasetRecord(name="cats", root="/d", fingerprint="f", images={"trainA": 2}),
        direction=None,
        seed=seed,
        precision="fp32",
    )
    run = open_run(results / "cats", config)
    if step:
        checkpoint.save(run.checkpoints, checkpoint.Checkpoint(step, {"method": {"w": torch.zeros(1)}}, {}))
    return run


@pytest.fixture
def three(tmp_path: Path) -> list[Run]:
    return [
        make_run(tmp_path, 0, None, 10),
        make_run(tmp_path, 1, None, 4),
        make_run(tmp_path, 0, "no-cam", 0),
    ]


def test_runs_are_listed_with_how_far_they_are(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    listed = json.loads(ugbench("runs", "--results", tmp_path, "--json").stdout)
    states = [(row["id"], row["variant"], row["seed"], row["step"], row["steps"], row["status"]) for row in listed]
    done, stopped, new = (run.id for run in three)
    assert states == [
        (done, None, 0, 10, 10, "done"),
        (stopped, None, 1, 4, 10, "stopped"),
        (new, "no-cam", 0, 0, 10, "new"),
    ]
    assert [row["path"] for row in listed] == [str(run.path) for run in three]
    assert {(row["dataset"], row["method"], row["direction"]) for row in listed} == {("cats", "ugatit", None)}


def test_a_person_reads_a_line_a_run(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    lines = ugbench("runs", "--results", tmp_path).stdout.splitlines()
    assert lines[0].split() == ["id", "dataset", "method", "variant", "seed", "step", "status"]
    assert lines[2].split() == [three[1].id, "cats", "ugatit", "-", "1", "4/10", "stopped"]
    assert len(lines) == 4


def test_a_run_that_lies_in_two_folders_is_listed_twice_and_the_folders_are_named(
    ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    other = tmp_path / "cats-0a1b2c" / three[1].path.relative_to(tmp_path / "cats")
    shutil.copytree(three[1].path, other)
    shutil.rmtree(other / "checkpoints")
    result = ugbench("runs", "--results", tmp_path)
    assert [line.split()[1] for line in result.stdout.splitlines() if three[1].id in line] == ["cats", "cats-0a1b2c"]
    places = f"{three[1].path} (step 4), {other} (step 0)"
    assert f"run {three[1].id} lies in 2 folders: {places}. Commands use" in result.stderr
    said = ugbench("export", three[1].id, "--results", tmp_path, "--output", tmp_path / "x.safetensors").stderr
    assert f"run {three[1].id}: {three[1].path} was trained longest and is used, not {other}.\n" in said


def test_the_environment_names_the_results_folder(
    ugbench: Call, three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UGBENCH_RESULTS", str(tmp_path))
    assert len(json.loads(ugbench("runs", "--json").stdout)) == 3


def test_no_runs_is_an_empty_list_and_a_hint(ugbench: Call, tmp_path: Path) -> None:
    assert json.loads(ugbench("runs", "--results", tmp_path / "none", "--json").stdout) == []
    result = ugbench("runs", "--results", tmp_path / "none")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no runs in {tmp_path}/none; `ugbench train METHOD --dataset DATA` makes one.\n"


def test_a_damaged_run_is_named(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    (three[1].path / "config.json").write_text("{")
    result = ugbench("runs", "--results", tmp_path)
    assert result.exit_code == 2
    assert str(three[1].path / "config.json") in result.stderr
