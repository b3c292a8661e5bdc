"""A run's id is of what decides its numbers; runs are found by its start."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawn_images import make_data_set
from PIL import Image

from ugbench.data.datasets import open_dataset
from ugbench.errors import RunError
from ugbench.runs.json_file import write_json
from ugbench.runs.origin import Origin
from ugbench.runs.run import DatasetRecord, Run, RunConfig, find_run, list_runs, read_run, record_dataset


def test_the_id_changes_with_what_decides_numbers_and_with_nothing_else(make_run: Callable[..., Run]) -> None:
    base = make_run().config
    data = base.dataset
    same = [
        {"preset": "smoke"},
        {"frozen": {}},
        {"config": {name: value for name, value in base.config.items() if name != "fit"}},
        {"config": {**base.config, "checkpoint_activations": True}},
        {"dataset": data.model_copy(update={"root": "/elsewhere"})},
        {"dataset": data.model_copy(update={"name": "renamed"})},
    ]
    other = [
        {"method": "another"},
        {"variant": "v"},
        {"config": {**base.config, "steps": 9}},
        {"config": {**base.config, "size": [8, 12]}},
        {"config": {**base.config, "size": [12, 8]}},
        {"config": {**base.config, "fit": "crop"}},
        {"config": {**base.config, "fit": "pad"}},
        {"config": {**base.config, "zoom": 1.0}},
        {"config": {**base.config, "augmentation": "shift"}},
        {"config": {**base.config, "halvings": 1}},
        {"direction": "A2B"},
        {"seed": 1},
        {"precision": "bf16"},
        {"init_from": "abc"},
        {"init_from": "abc", "init_only": "generators"},
        {"continue_from": "abc@2"},
        {"continue_from": "abc@4"},
        {"frozen": {"vgg": 64 * "a"}},
        {"frozen": {"vgg": 64 * "b"}},
        {"frozen": {"encoder": 64 * "b"}},
        {"dataset": data.model_copy(update={"fingerprint": "g"})},
    ]
    assert {base.model_copy(update=change).id for change in same} == {base.id}
    assert len({base.id} | {base.model_copy(update=change).id for change in other}) == 1 + len(other)


IMPORTED = {"preset": None, "seed": None, "dataset": None, "origin": Origin(name="n", files={"a": "b"})}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "7e212e475487"),
        ({"config": {"size": 64, "steps": 400, "fit": "squash", "zoom": 286 / 256}}, "7e212e475487"),
        ({"config": {"size": 64, "steps": 400, "augmentation": "none", "halvings": 2}}, "7e212e475487"),
        ({"config": {"size": [64, 32], "steps": 400}}, "381386f2db13"),
        ({"config": {"size": (64, 32), "steps": 400}}, "381386f2db13"),
        ({"init_from": "0123456789ab"}, "943020f15102"),
        (IMPORTED, "774a12ef0552"),
        ({"method": "cut", "variant": "fastcut", "direction": "B2A", "seed": 3, "precision": "bf16"}, "ec93a3c238ea"),
    ],
)
def test_commands_of_earlier_versions_keep_their_id(changes: dict[str, Any], expected: str) -> None:
    fields = {
        "method": "cyclegan",
        "variant": None,
        "preset": "smoke",
        "config": {"size": 64, "steps": 400},
        "dataset": DatasetRecord(name="d", root="/x", fingerprint="f" * 64, images={"trainA": 5, "trainB": 5}),
        "direction": None,
        "seed": 0,
        "precision": "fp32",
    }
    assert RunConfig(**{**fields, **changes}).id == expected


def test_a_run_is_found_by_the_start_of_its_id_or_its_folder(make_run: Callable[..., Run], tmp_path: Path) -> None:
    first, second = make_run("d", seed=0), make_run("d", seed=1)
    assert [run.id for run in list_runs(tmp_path)] == sorted([first.id, second.id], key=[first.id, second.id].index)
    assert find_run(first.id[:8], tmp_path).path == first.path
    assert find_run(str(second.path), tmp_path).id == second.id
    with pytest.raises(RunError, match=r"no run under .* starts with 'zz'"):
        find_run("zz", tmp_path)
    with pytest.raises(RunError, match="RUN ' ' is empty; give the start"):
        find_run(" ", tmp_path)
    ids = [first.id, second.id, *(make_run("d", seed=seed).id for seed in range(2, 17))]
    digit, count = Counter(own[0] for own in ids).most_common(1)[0]  # one of 16, so that two of 17 share it
    with pytest.raises(RunError, match=f"the ids of {count} runs start with '{digit}'"):
        find_run(digit, tmp_path)


def test_a_config_that_is_no_runs_is_named(make_run: Callable[..., Run]) -> None:
    run, other = make_run(), make_run("e", seed=1)
    (run.path / "config.json").write_text('{"method": 3}')
    with pytest.raises(RunError, match=r"config\.json: "):
        read_run(run.path)
    with pytest.raises(RunError, match=r"config\.json: "):
        find_run(run.id[:8], run.results)
    for frozen in ({"vgg": "abc"}, {"vgg; rm": 64 * "a"}):
        write_json(run.path / "config.json", {**other.config.model_dump(), "frozen": frozen})
        with pytest.raises(RunError, match=r"config\.json: frozen\.vgg"):
            read_run(run.path)
    assert [listed.id for listed in list_runs(run.results)] == [other.id]
    assert find_run(other.id, run.results).path == other.path


def test_further_folders_count_in_the_id_by_their_content_alone(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=2, trainB=2, edgesB=2))
    splits = {split: cats.split(split) for split in ("trainA", "trainB", "edgesB")}
    plain = record_dataset(cats, {split: splits[split] for split in ("trainA", "trainB")})
    further = record_dataset(cats, splits)
    assert plain.fingerprint == cats.fingerprint(("trainA", "trainB")) != further.fingerprint
    assert further.images == {"trainA": 2, "trainB": 2, "edgesB": 2}
    Image.new("RGB", (6, 6), "white").save(cats.root / "edgesB" / "0.png")
    changed = open_dataset(cats.root)
    assert record_dataset(changed, splits).fingerprint != further.fingerprint
    assert record_dataset(changed, {split: splits[split] for split in ("trainA", "trainB")}) == plain


def test_a_folder_that_a_config_names_lies_in_the_data_set(make_run: Callable[..., Run]) -> None:
    run = make_run()
    config = json.loads((run.path / "config.json").read_text())
    for name in ("../../secret", "/etc", ".hidden", "a/b", "x\n"):
        (run.path / "config.json").write_text(
            json.dumps({**config, "dataset": {**config["dataset"], "images": {name: 3}}})
        )
        with pytest.raises(RunError, match=r"config\.json: dataset\.images"):
            read_run(run.path)
