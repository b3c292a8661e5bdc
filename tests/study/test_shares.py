"""A study on several machines without a scheduler: `--print-commands`, `--only`, `--no-train` and `--no-score`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import call, call_in

from ugbench.study.share import Share

SMALL = ["--dataset", "dial:size=32,train=6,test=4", "--preset", "smoke", "--size", "32", "--batch-size", "1"]
SCORED = ["--metric", "kid,changed", "--extractor", "random"]
# CUT has two runs for each seed, one in each direction.
STUDY = ["compare", "--methods", "cut", *SMALL, *SCORED, "--seeds", "1", "--steps", "2"]


def ids(home: Path, *words: str) -> list[str]:
    return [run["id"] for run in json.loads(call_in(home, *STUDY, *words, "--dry-run", "--json").stdout)["runs"]]


def run_line(line: str, home: Path) -> None:
    """Run a line in a shell, as a person does who pastes it."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=home, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose name has to be quoted in a shell."""
    return tmp_path_factory.mktemp("a study's place; with $signs")


@pytest.fixture(scope="module")
def printed(home: Path) -> list[str]:
    """The printed lines, all of which have run."""
    lines = call_in(home, *STUDY, "--print-commands").stdout.splitlines()
    for line in lines:
        run_line(line, home)
    return lines


def test_printed_lines_train_the_runs_of_the_study_with_their_ids(printed: list[str], home: Path) -> None:
    planned = json.loads(call_in(home, *STUDY, "--dry-run", "--json").stdout)["runs"]
    trained = {folder.parent.name.rpartition("-")[2] for folder in (home / "results").glob("*/*/*/checkpoints")}
    assert len(printed) == len(planned) == 2
    assert trained == {run["id"] for run in planned}
    assert {run["status"] for run in planned} == {"done"}


def test_a_line_begins_with_the_command_and_carries_the_precision_and_no_device_of_this_machine(
    printed: list[str], home: Path
) -> None:
    for line in printed:
        words = shlex.split(line)
        assert words[:2] == ["ugbench", "train"]
        assert words[words.index("--precision") + 1] in ("fp32", "bf16")
    automatic = ["--results", home / "other", "--data-root", home / "datasets", "--cache", home / "cache"]
    line = call(*STUDY, "--print-commands", *automatic).stdout.splitlines()[0]
    assert shlex.split(line)[shlex.split(line).index("--device") + 1] == "auto"


def test_runs_that_are_done_have_no_line(printed: list[str], home: Path) -> None:
    assert call_in(home, *STUDY, "--print-commands").stdout == ""
    assert json.loads(call_in(home, *STUDY, "--print-commands", "--json").stdout) == {"commands": []}


def test_scores_without_training_are_those_of_one_machine(printed: list[str], home: Path) -> None:
    first = json.loads(call_in(home, *STUDY, "--no-train", "--json").stdout)
    assert first["table"] == json.loads(call_in(home, *STUDY, "--json").stdout)["table"]


def test_shares_are_disjoint_and_complete(home: Path) -> None:
    whole = ids(home, "--seeds", "4")
    assert len(whole) == 8
    for n in (1, 3, 8):
        shares = [ids(home, "--seeds", "4", "--only", f"{k}/{n}") for k in range(1, n + 1)]
        assert sorted(run for share in shares for run in share) == sorted(whole)
        sizes = [len(share) for share in shares]
        assert max(sizes) - min(sizes) <= 1


def test_a_share_does_not_depend_on_what_is_done() -> None:
    assert Share(2, 3).of(range(1, 9)) == [2, 5, 8]


def test_a_share_trains_its_runs_alone_and_what_is_missing_is_said(tmp_path: Path) -> None:
    done: Any = json.loads(call_in(tmp_path, *STUDY, "--only", "2/2", "--no-score", "--json").stdout)
    assert [(run["direction"], run["status"]) for run in done["runs"]] == [("B2A", "done")] and done["table"] is None
    assert len(list((tmp_path / "results").glob("*/*/*/checkpoints"))) == 1
    assert not list((tmp_path / "results").rglob("scores.jsonl"))
    rest = call_in(tmp_path, *STUDY, "--no-train", code=1)
    assert "CUT" in rest.stdout
    assert "A2B, seed 0 is missing, at step 0 of 2" in rest.stderr
    assert "1 of 2 runs are not done" in rest.stderr and "without --no-train" in rest.stderr
    assert len(list((tmp_path / "results").glob("*/*/*/checkpoints"))) == 1


def test_a_share_beyond_the_runs_has_nothing_to_do(home: Path) -> None:
    said = call_in(home, *STUDY, "--only", "3/3")
    assert said.stdout == "" and "none is in this share" in said.stderr


def test_a_study_that_is_not_scored_needs_no_weights_of_scores(home: Path) -> None:
    words = [*STUDY[: STUDY.index("--metric")], "--seeds", "1", "--metric", "kid"]
    assert "inception" in call_in(home, *words, code=2).stderr
    call_in(home, *words, "--no-score", "--print-commands")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "0/2"], "K from 1 to N"),
        (["--only", "3/2"], "K from 1 to N"),
        (["--only", "half"], "K from 1 to N"),
        (["--no-train", "--no-score"], "leave nothing to do"),
    ],
)
def test_a_wrong_share_is_one_sentence(words: list[str], message: str, home: Path) -> None:
    refused = call_in(home, *STUDY, *words, code=2)
    assert message in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
