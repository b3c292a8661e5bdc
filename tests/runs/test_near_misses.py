"""The line about an earlier run that a new one almost repeats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ugbench.runs.near_misses import near_miss
from ugbench.runs.run import DatasetRecord, Run, RunConfig


def make(results: Path, step: int = 0, fingerprint: str = "0123456789", **changes: Any) -> Run:
    """A run on `cats` with a checkpoint at `step`; 0 makes no folder."""
    config = {"steps": 100, "batch_size": 1, "lr": 1e-4} | changes.pop("config", {})
    fields: dict[str, Any] = {
        "method": "ugatit",
        "variant": None,
        "preset": "smoke",
        "config": config,
        "dataset": DatasetRecord(name="cats", root="/d", fingerprint=fingerprint, images={}),
        "direction": None,
        "seed": 0,
        "precision": "fp32",
    }
    run_config = RunConfig(**(fields | changes))
    run = Run(results / "cats" / run_config.folder, run_config)
    if step:
        run.checkpoint(step).mkdir(parents=True)
    return run


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"precision": "bf16"}, "precision (bf16 there, fp32 here); if that one was meant"),
        ({"config": {"batch_size": 2}}, "batch_size (2 there, 1 here)"),
        ({"config": {"batch_size": 2}, "precision": "bf16"}, "batch_size (2 there, 1 here) and precision (bf16 there"),
        ({"fingerprint": "abcdef0123"}, "training images (abcdef there, 012345 here)"),
        ({"config": {"steps": 200}}, "steps (200 there, 100 here); if that one was meant"),
        ({"config": {"steps": 50}}, "steps (50 there, 100 here); to train that one further instead, give --continue"),
    ],
)
def test_a_run_that_differs_in_few_fields_is_named_with_them(
    changes: dict[str, Any], difference: str, tmp_path: Path
) -> None:
    other = make(tmp_path, step=50, **changes)
    sentence = near_miss(make(tmp_path), [other])
    assert sentence is not None
    assert sentence.startswith(f"run {other.id} (ugatit) differs from this new run only in {difference}")


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"seed": 1, "config": {"steps": 50}},
        {"variant": "no-cam", "config": {"steps": 50}},
        {"method": "cyclegan"},
        {"direction": "B2A"},
        {"dataset": DatasetRecord(name="dogs", root="/e", fingerprint="f", images={})},
        {"config": {"steps": 50, "batch_size": 2, "lr": 1e-3}},
        {},
    ],
)
def test_another_seed_method_data_set_or_many_fields_are_no_near_miss(changes: dict[str, Any], tmp_path: Path) -> None:
    assert near_miss(make(tmp_path), [make(tmp_path, step=50, **changes)]) is None


def test_the_nearest_of_several_is_named_and_of_equals_the_one_that_trained_longest(tmp_path: Path) -> None:
    far = make(tmp_path, step=90, config={"steps": 90, "batch_size": 2})
    short, long = (make(tmp_path, step=steps, config={"steps": steps}) for steps in (40, 80))
    sentence = near_miss(make(tmp_path), [far, short, long])
    assert sentence is not None and sentence.startswith(f"run {long.id} ")


def test_a_run_that_starts_from_another_is_meant_to_differ(tmp_path: Path) -> None:
    other = make(tmp_path, step=50, config={"steps": 50})
    assert near_miss(make(tmp_path, init_from=other.id), [other]) is None
