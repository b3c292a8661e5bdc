"""Configurations: what the seeds of a row share, how rows and runs are labelled, and what `--where` chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ugbench.errors import UnknownName, UsageError
from ugbench.runs.configurations import configurations, has_value, run_labels, select_where
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run
from ugbench.study.plan import cost_key


def make(results: Path, folder: str = "cats", seed: int = 0, steps: int = 30, **changes: Any) -> Run:
    fields: dict[str, Any] = {
        "method": "ugatit",
        "variant": None,
        "preset": "smoke",
        "config": {"steps": steps, "size": 32, "light": True, "betas": [0.5, 0.999], "epochs": None},
        "dataset": DatasetRecord(name=folder, root="/d", fingerprint="f", images={"trainA": 2}),
        "direction": None,
        "seed": seed,
        "precision": "fp32",
    }
    return open_run(results / folder, RunConfig(**(fields | changes)))


def test_runs_that_differ_in_seed_direction_and_preset_are_of_one_configuration(tmp_path: Path) -> None:
    runs = [
        make(tmp_path),
        make(tmp_path, seed=1),
        make(tmp_path, seed=2, preset="paper"),
        make(tmp_path, seed=3, direction="B2A"),
    ]
    assert len({run.id for run in runs}) == 4
    assert len({config.id for config in configurations(runs).values()}) == 1
    assert set(run_labels(runs).values()) == {"ugatit"}


def test_a_run_of_an_earlier_version_squashed_its_images(tmp_path: Path) -> None:
    earlier = make(tmp_path)
    config = earlier.config.config
    later, cropped = (make(tmp_path, seed=1, config={**config, "fit": fit}) for fit in ("squash", "crop"))
    assert set(run_labels([earlier, later]).values()) == {"ugatit"}
    assert set(run_labels([earlier, cropped]).values()) == {"ugatit (fit squash)", "ugatit (fit crop)"}
    assert select_where([earlier, cropped], {"fit": "squash"}) == [earlier]
    assert cost_key(earlier.config) == cost_key(later.config) != cost_key(cropped.config)


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({"steps": 120}, {"ugatit (steps 30)", "ugatit (steps 120)"}),
        ({"precision": "bf16"}, {"ugatit (precision fp32)", "ugatit (precision bf16)"}),
        ({"init_from": "abc"}, {"ugatit (init_from none)", "ugatit (init_from abc)"}),
        ({"frozen": {"vgg": 64 * "a"}}, {"ugatit (frozen.vgg none)", "ugatit (frozen.vgg aaaaaa)"}),
        (
            {"steps": 120, "precision": "bf16"},
            {"ugatit (steps 30, precision fp32)", "ugatit (steps 120, precision bf16)"},
        ),
        (
            {"dataset": DatasetRecord(name="cats", root="/d", fingerprint="0123456789", images={})},
            {"ugatit (images f)", "ugatit (images 012345)"},
        ),
    ],
)
def test_labels_of_configurations_say_what_differs_and_nothing_else(
    changes: dict[str, Any], labels: set[str], tmp_path: Path
) -> None:
    runs = [make(tmp_path), make(tmp_path, seed=1, **changes)]
    assert set(run_labels(runs).values()) == labels


def test_a_number_of_steps_that_differs_between_data_sets_distinguishes_nothing(tmp_path: Path) -> None:
    runs = [make(tmp_path), make(tmp_path, "dogs", steps=120)]
    assert set(run_labels(runs).values()) == {"ugatit"}


def test_seeds_that_started_from_seeds_of_one_configuration_are_of_one_configuration(tmp_path: Path) -> None:
    starts = [make(tmp_path, seed=seed) for seed in (0, 1)]
    tuned = [make(tmp_path, seed=start.config.seed, steps=60, init_from=start.id) for start in starts]
    other = make(tmp_path, seed=2, steps=60, init_from=make(tmp_path, steps=31).id)
    by_run = configurations([*starts, *tuned, other, make(tmp_path, steps=31)])
    assert by_run[tuned[0].id].id == by_run[tuned[1].id].id != by_run[other.id].id
    for run in tuned:  # the lowest seed stands for all
        assert by_run[run.id].fields["init_from"] == f"{starts[0].id} and its other seeds"


def test_a_run_that_started_from_one_seed_names_that_seed(tmp_path: Path) -> None:
    starts = [make(tmp_path, seed=seed) for seed in (1, 3)]
    longer = make(tmp_path, seed=3, steps=60, continue_from=f"{starts[1].id}@10")
    assert configurations([*starts, longer])[longer.id].fields["continue_from"] == f"{starts[1].id}@10"


@pytest.mark.parametrize(
    ("value", "text", "same"),
    [
        (30, "30", True),
        (30, "300", False),
        (0.001, "1e-3", True),
        (True, "true", True),
        (True, "1", False),
        (None, "null", True),
        (None, "none", True),
        ([0.5, 0.999], "0.5, 0.999", True),
        ("fp32", "fp32", True),
        ("fp32", "fp", False),
        (30, "many", False),
    ],
)
def test_the_text_of_where_means_a_value(value: object, text: str, same: bool) -> None:
    assert has_value("field", value, text) is same


@pytest.mark.parametrize(
    ("value", "text", "same"),
    [
        ([128, 256], "128x256", True),
        ([128, 256], "256x128", False),
        ([128, 256], "128", False),
        (128, "128x128", True),
        (128, "128", True),
        (128, "128x256", False),
        (128, "axb", False),
    ],
)
def test_where_takes_a_size_as_people_type_it(value: object, text: str, same: bool) -> None:
    assert has_value("size", value, text) is same


def test_a_rectangle_is_shown_as_people_type_it(tmp_path: Path) -> None:
    runs = [make(tmp_path, config={"steps": 30, "size": size}) for size in (32, [32, 64])]
    assert list(run_labels(runs).values()) == ["ugatit (size 32)", "ugatit (size 32x64)"]
    with pytest.raises(UsageError, match=r"--where size=64x32: no run has that; size is 32 or 32x64 here"):
        select_where(runs, {"size": "64x32"})
    assert select_where(runs, {"size": "32x64"}) == runs[1:]


def test_where_chooses_by_fields_of_the_method_and_of_the_run(tmp_path: Path) -> None:
    runs = [make(tmp_path), make(tmp_path, seed=1), make(tmp_path, steps=120), make(tmp_path, precision="bf16")]
    assert select_where(runs, {"steps": "120"}) == [runs[2]]
    assert select_where(runs, {"seed": "0", "precision": "fp32", "steps": "30"}) == [runs[0]]
    assert select_where(runs, {"preset": "smoke", "dataset": "cats"}) == runs


def test_a_field_that_no_run_has_and_a_value_that_none_has_are_refused_with_what_there_is(tmp_path: Path) -> None:
    runs = [make(tmp_path), make(tmp_path, steps=120)]
    with pytest.raises(UnknownName, match="did you mean 'steps'"):
        select_where(runs, {"stesp": "30"})
    with pytest.raises(UsageError, match=r"--where steps=31: no run has that; steps is 30 or 120 here"):
        select_where(runs, {"steps": "31"})
    with pytest.raises(UsageError, match="there is no run whose config could be looked at"):
        select_where([], {"steps": "30"})
