"""A run is its config and its training images: it is found wherever it lies, and whatever its data set is called."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from drawn_images import make_data_set
from PIL import Image

from ugbench.data.datasets import open_dataset
from ugbench.data.splits import TRAIN
from ugbench.errors import RunError
from ugbench.runs.dataset_folder import dataset_folder, locate_run, open_located_run
from ugbench.runs.origin import Origin
from ugbench.runs.run import EXTERNAL, Run, RunConfig, dataset_of, find_run, list_runs, record_dataset

SIZES = {"trainA": 3, "trainB": 2, "testA": 1, "testB": 1}


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    return make_data_set(tmp_path / "data" / "cats", **SIZES)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def config_on(root: Path, seed: int = 0, method: str = "toy") -> RunConfig:
    dataset = open_dataset(root)
    origin = Origin(name="acme", files={}) if method == EXTERNAL else None
    images = None if origin else {split: dataset.split(split) for split in TRAIN.values()}
    return RunConfig(
        method=method,
        variant=None,
        preset=None,
        config={"steps": 9, "size": 8},
        dataset=record_dataset(dataset, images),
        direction=None,
        seed=None if origin else seed,
        precision="fp32",
        origin=origin,
    )


def open_run_on(root: Path, results: Path, seed: int = 0) -> Run:
    return open_located_run(config_on(root, seed), results, open_dataset(root))


def add_a_test_image(root: Path) -> Path:
    Image.new("RGB", (8, 8), "red").save(root / "testA" / "new.png")
    return root


def replace_all_test_images(root: Path) -> Path:
    shutil.rmtree(root / "testB")
    return make_data_set(root, testB=3)


def remove_all_test_images(root: Path) -> Path:
    shutil.rmtree(root / "testA")
    shutil.rmtree(root / "testB")
    return root


def rename(root: Path) -> Path:
    return root.rename(root.with_name("felines"))


def rename_and_add(root: Path) -> Path:
    return add_a_test_image(rename(root))


CHANGES = [add_a_test_image, replace_all_test_images, remove_all_test_images, rename, rename_and_add]


@pytest.mark.parametrize("change", CHANGES)
def test_other_test_images_or_another_name_give_the_same_run_and_folder(
    cats: Path, results: Path, change: Callable[[Path], Path]
) -> None:
    run = open_run_on(cats, results)
    assert run.path == results / "cats/toy" / f"seed0-{run.id}"
    root = change(cats)
    assert open_run_on(root, results) == run
    assert open_run_on(root, results, seed=1).dataset_folder == results / "cats"
    assert dataset_of(run).root == root
    assert [folder.name for folder in results.iterdir()] == ["cats"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_dataset_json_of_an_older_version_is_understood_by_its_runs(
    cats: Path, results: Path, change: Callable[[Path], Path]
) -> None:
    run = open_run_on(cats, results)
    fields = json.loads((results / "cats/dataset.json").read_text())
    old = {name: fields[name] for name in ("name", "root", "fingerprint")}
    (results / "cats/dataset.json").write_text(json.dumps(old))
    root = change(cats)
    assert open_run_on(root, results, seed=1).dataset_folder == results / "cats"
    assert json.loads((results / "cats/dataset.json").read_text())["training"] == fields["training"]
    assert run.config.dataset is not None and fields["training"] == run.config.dataset.fingerprint


def test_other_training_images_give_another_folder_even_under_the_same_name(cats: Path, results: Path) -> None:
    first = open_run_on(cats, results)
    Image.new("RGB", (8, 8), "red").save(cats / "trainA" / "new.png")
    second = open_run_on(cats, results)
    assert second.id != first.id
    assert second.dataset_folder.name.startswith("cats-")
    assert {run.path for run in list_runs(results)} == {first.path, second.path}
    assert open_run_on(cats, results).path == second.path
    (second.dataset_folder / "dataset.json").write_text('{"training": "other"}')
    shutil.rmtree(second.path)
    with pytest.raises(RunError, match=r"dataset\.json belongs to other images than its folder's name says"):
        open_run_on(cats, results)


def test_a_run_is_found_in_a_folder_of_any_name(cats: Path, results: Path) -> None:
    run = open_run_on(cats, results)
    (results / "cats").rename(results / "photographs of animals")
    (results / "photographs of animals/toy" / run.path.name).rename(results / "photographs of animals/toy/mine")
    assert open_run_on(cats, results).path == results / "photographs of animals/toy/mine"
    assert open_run_on(cats, results, seed=1).dataset_folder.name == "photographs of animals"


def test_planning_makes_nothing_and_names_the_folder_that_training_makes(cats: Path, results: Path) -> None:
    dataset = open_dataset(cats)
    folder = dataset_folder(results, dataset, make=False)
    planned = locate_run(config_on(cats), list_runs(results), folder)
    assert not results.exists()
    assert open_run_on(cats, results) == planned


def test_images_without_training_images_are_known_by_their_place_or_their_content(cats: Path, results: Path) -> None:
    for split in TRAIN.values():
        shutil.rmtree(cats / split)
    assert dataset_folder(results, open_dataset(cats)) == results / "cats"
    assert dataset_folder(results, open_dataset(add_a_test_image(cats))) == results / "cats"
    other = make_data_set(cats.parent / "more" / "cats", testA=5)
    assert dataset_folder(results, open_dataset(other)).name.startswith("cats-")
    moved = other.rename(cats.parent / "dogs")
    assert dataset_folder(results, open_dataset(moved)).name.startswith("cats-")


def test_training_images_that_are_added_to_a_set_that_had_none_go_on_in_its_folder(cats: Path, results: Path) -> None:
    for split in TRAIN.values():
        (cats / split).rename(cats.parent / split)
    assert dataset_folder(results, open_dataset(cats)) == results / "cats"
    for split in TRAIN.values():
        (cats.parent / split).rename(cats / split)
    assert open_run_on(cats, results).dataset_folder == results / "cats"
    Image.new("RGB", (8, 8), "red").save(cats / "trainA" / "new.png")
    assert open_run_on(cats, results).dataset_folder != results / "cats"


def two_folders_of_one_run(cats: Path, results: Path) -> tuple[Run, Run]:
    """What older versions left after test images were added: the run at step 0, and trained for 30 steps."""
    run = open_run_on(cats, results)
    shutil.copytree(results / "cats", results / "cats-0a1b2c")
    (short, long) = list_runs(results)
    (long.checkpoint(30)).mkdir(parents=True)
    assert (short.path, short.id) == (run.path, long.id)
    return short, long


def test_of_two_folders_of_a_run_the_one_that_trained_longest_is_used_and_a_line_says_so(
    cats: Path, results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short, long = two_folders_of_one_run(cats, results)
    with caplog.at_level(logging.INFO, "ugbench"):
        assert find_run(short.id[:6], results) == long
    assert caplog.messages == [
        f"run {long.id} lies in several folders: {long.path} is used, not {short.path} (step {short.step()})."
    ]
    assert find_run(str(short.path), results) == short
    assert open_run_on(cats, results) == long


def test_of_two_folders_of_the_images_new_runs_go_to_the_one_of_their_name(cats: Path, results: Path) -> None:
    two_folders_of_one_run(cats, results)
    (results / "cats-0a1b2c").rename(results / "animals")
    assert dataset_folder(results, open_dataset(cats), make=False) == results / "cats"
    assert dataset_folder(results, open_dataset(rename(cats)), make=False) == results / "animals"


def test_a_folder_with_runs_on_other_images_is_not_taken_for_want_of_a_dataset_json(cats: Path, results: Path) -> None:
    run = open_run_on(cats, results)
    (results / "cats/dataset.json").unlink()
    assert open_run_on(cats, results) == run
    (results / "cats/dataset.json").unlink()
    Image.new("RGB", (8, 8), "red").save(cats / "trainA" / "new.png")
    assert dataset_folder(results, open_dataset(cats), make=False).name.startswith("cats-")


def test_the_place_of_the_images_is_remembered_and_said_once(
    cats: Path, results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = open_run_on(cats, results)
    moved = rename(cats)
    with caplog.at_level(logging.INFO, "ugbench"):
        open_run_on(moved, results)
        open_run_on(moved, results)
    assert caplog.messages == [f"data set cats is now read from {moved}; before, it was {cats}."]
    assert dataset_of(run).root == moved
    assert run.config.dataset is not None and run.config.dataset.root == str(cats), "config.json is not rewritten"


def test_a_place_without_test_images_does_not_replace_one_that_has_them(
    cats: Path, results: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = open_run_on(cats, results)
    half = Path(shutil.copytree(cats, tmp_path / "elsewhere" / "half"))
    shutil.rmtree(half / "testA")
    with caplog.at_level(logging.INFO, "ugbench"):
        open_run_on(half, results, seed=1)
    assert caplog.messages == [f"{half} has no testA: data set cats is still read from {cats}."]
    assert dataset_of(run).root == cats
    shutil.rmtree(cats)
    open_run_on(half, results, seed=1)
    assert dataset_of(run).root == half, "now there is no other place"


def test_a_dataset_json_that_is_none_is_named(cats: Path, results: Path) -> None:
    open_run_on(cats, results)
    (results / "cats/dataset.json").write_text('{"root": 3}')
    with pytest.raises(RunError, match=r"dataset\.json: root: 3 was given; .*; to fix this, correct or remove it\."):
        open_run_on(cats, results)
