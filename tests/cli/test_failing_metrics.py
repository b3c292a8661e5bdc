"""A metric that fails costs no other score, and a score that no table could read is not stored."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call, call_in
from PIL import Image

from ugbench.errors import DiskError
from ugbench.metric import Score
from ugbench.metrics import l1_truth
from ugbench.runs.run import Run, list_runs
from ugbench.scoring import record
from ugbench.scoring.record import ScoreRecord

RANDOM = ["--extractor", "random"]
SIZE = 8  # px, fewer than the window of SSIM has
OTHERS = ["kid", "fid", "l1_truth", "psnr"]  # what a data set of pairs has by default, besides SSIM
SMALL = "ssim: images of 8 x 8 px are smaller than its window of 11 x 11 px"
MakeHome = Callable[..., Path]


@pytest.fixture
def make_home(tmp_path: Path) -> MakeHome:
    """make_home(count): a data set `cats` of pairs of small images, and another tool's outputs A2B of it, imported."""

    def make(count: int = 3) -> Path:
        levels = np.random.default_rng(0)
        for folder in (*(f"datasets/cats/{split}" for split in ("trainA", "trainB", "testA", "testB")), "outputs"):
            (tmp_path / folder).mkdir(parents=True)
            for number in range(count):
                pixels = levels.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / folder / f"{number}.png")
        (tmp_path / "datasets/cats/dataset.json").write_text('{"pairs": "stems"}')
        call_in(tmp_path, "import", tmp_path / "outputs", "--as", "external", "--name", "acme", "--dataset", "cats")
        return tmp_path

    return make


def only_run(home: Path) -> Run:
    (run,) = list_runs(home / "results")
    return run


def stored(home: Path) -> list[ScoreRecord]:
    return list(record.read(only_run(home).scores_file))


def test_a_metric_that_nobody_named_is_left_out_with_its_error(make_home: MakeHome) -> None:
    home = make_home()
    result = call_in(home, "eval", *RANDOM, "--json")
    assert [fields["metric"] for fields in json.loads(result.stdout)] == OTHERS
    assert [score.metric for score in stored(home)] == OTHERS
    assert f"no ssim for run {only_run(home).id} (acme) A2B: {SMALL}" in result.stderr
    again = call_in(home, "eval", *RANDOM, "--json")
    assert json.loads(again.stdout) == json.loads(result.stdout)
    assert SMALL in again.stderr
    assert [score.metric for score in stored(home)] == OTHERS


def test_a_metric_that_was_named_ends_the_call_after_the_scores_before_it_are_stored(make_home: MakeHome) -> None:
    home = make_home()
    assert f"error: {SMALL}" in call_in(home, "eval", "--metric", "psnr,l1_truth,ssim,kid", *RANDOM, code=2).stderr
    assert [score.metric for score in stored(home)] == ["psnr", "l1_truth"]
    assert [path.name for path in only_run(home).path.glob("single/A2B/*")] == ["imported.json"]


def test_where_each_metric_fails_the_first_error_ends_the_call(make_home: MakeHome) -> None:
    home = make_home(count=1)
    (home / "datasets/cats/dataset.json").unlink()
    result = call_in(home, "eval", *RANDOM, code=2)
    assert result.stderr.splitlines()[-1].startswith("error: kid")
    assert "attention maps" not in result.stderr
    assert stored(home) == []


def test_a_file_of_scores_that_cannot_be_written_is_named_once(
    make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home()

    def refuse(file: Path, records: Iterable[object]) -> None:
        if list(records):
            raise DiskError(file, OSError("no space"))

    monkeypatch.setattr(record.jsonl, "append", refuse)
    result = call_in(home, "eval", "--metric", "psnr,l1_truth", "--json", code=1)
    assert [fields["metric"] for fields in json.loads(result.stdout)] == ["psnr", "l1_truth"]
    assert result.stderr.count(f"{only_run(home).scores_file} could not be written (no space)") == 1


@pytest.mark.parametrize(
    ("field", "number"),
    [
        ("value", math.nan),
        ("value", -math.inf),
        ("value", 1e39),
        *((field, math.nan) for field in ("se", "low", "high", "p_value", "order_sd", "each")),
    ],
)
def test_a_number_that_no_record_can_hold_is_refused_and_nothing_is_stored(
    make_home: MakeHome, monkeypatch: pytest.MonkeyPatch, field: str, number: float
) -> None:
    home = make_home()
    fields: dict[str, Any] = {"each": (0.0, number, 0.0)} if field == "each" else {field: number}
    score = replace(Score(0.5, each=(0.5, 0.5, 0.5)), **fields)
    monkeypatch.setattr(l1_truth, "METRIC", replace(l1_truth.METRIC, compute=lambda *_, **_settings: score))
    name = "value of a single image" if field == "each" else field
    sentence = f"error: --metric l1_truth: its {name} is {number:g}, and a score's numbers are finite and at most"
    assert sentence in call_in(home, "eval", "--metric", "l1_truth", code=2).stderr
    assert stored(home) == [] and not only_run(home).path.joinpath("single").exists()


def test_such_a_number_of_plain_folders_is_refused_too(make_home: MakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home()
    score = Score(math.nan)
    monkeypatch.setattr(l1_truth, "METRIC", replace(l1_truth.METRIC, compute=lambda *_, **_settings: score))
    folders = ["--real", home / "datasets/cats/testB", "--fake", home / "outputs", "--output", home / "mine.jsonl"]
    refused = call("eval", *folders, "--metric", "l1_truth", "--device", "cpu", code=2).stderr
    assert "error: --metric l1_truth: its value is nan" in refused
    assert not (home / "mine.jsonl").exists()
