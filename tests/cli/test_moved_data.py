"""Data and results that were moved: `--dataset PATH` says where the images lie now, is checked by content and kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import call as call_command
from commands import call_in
from drawn_images import draw_noise

from ugbench.cli.chosen_datasets import is_path
from ugbench.runs.run import Run, dataset_of, list_runs

SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "1"]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4", "--sample-every", "1000"]
KID = ["--metric", "kid", "--extractor", "random"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored run of one step on cats."""
    folder = tmp_path_factory.mktemp("made")
    for seed, split in enumerate(("trainA", "trainB", "testA", "testB")):
        draw_noise(folder / "datasets/cats" / split, seed)
    call_in(folder, "train", "cyclegan", "--dataset", "cats", *SMALL, *TINY)
    call_in(folder, "eval", *KID)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """Results and data of `made`, both at another place than that which the files name."""
    shutil.copytree(made / "results", tmp_path / "home" / "results")
    shutil.copytree(made / "datasets/cats", tmp_path / "disk" / "photographs")
    file = tmp_path / "home/results/cats/dataset.json"
    fields = json.loads(file.read_text())
    file.write_text(json.dumps({**fields, "root": "/gone"}))
    (config,) = tmp_path.glob("home/results/cats/*/*/config.json")
    config.write_text(config.read_text().replace(str(made), "/gone"))
    return tmp_path / "home"


@pytest.fixture
def data(home: Path) -> Path:
    return home.parent / "disk" / "photographs"


def run_in(home: Path) -> Run:
    (run,) = list_runs(home / "results")
    return run


def evaluate(home: Path, data: Path) -> list[object]:
    return ["eval", run_in(home).id, "--dataset", data, *KID]


def translate(home: Path, data: Path) -> list[object]:
    words = ["--input", data / "testA", "--output", home / "out"]
    return ["translate", run_in(home).id, *words, "--dataset", data]


def figure(home: Path, data: Path) -> list[object]:
    return ["figure", "comparison", "--dataset", data, "--output", home / "f.png"]


def report(home: Path, data: Path) -> list[object]:
    return ["report", "--dataset", data, "--output", home / "r.html"]


COMMANDS = [evaluate, translate, figure, report]


def call(home: Path, words: list[object], code: int = 0) -> str:
    """What a command says; only eval and translate take --device, and none of these --data-root."""
    words = [*words, "--results", home / "results"]
    if words[0] in ("eval", "translate"):
        words += ["--device", "cpu"]
    return call_command(*words, code=code).stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_takes_the_new_place_and_the_next_call_knows_it(
    home: Path, data: Path, command: Callable[[Path, Path], list[object]]
) -> None:
    without = [word for word in command(home, data) if word not in ("--dataset", data)]
    if command is evaluate:
        assert "were in /gone, which is gone" in call(home, without, code=2)
    said = call(home, command(home, data))
    assert f"data set cats is now read from {data}; before, it was /gone." in said
    assert dataset_of(run_in(home)).root == data
    assert "which is gone" not in call(home, without)
    assert "is now read from" not in call(home, command(home, data)), "what is known is not said again"


@pytest.mark.parametrize("command", COMMANDS)
def test_other_images_are_refused_with_what_differs(
    home: Path, data: Path, command: Callable[[Path, Path], list[object]]
) -> None:
    words = command(home, data)
    (data / "trainA/0.png").unlink()
    draw_noise(data / "trainB", 55)
    said = call(home, words, code=2)
    assert f"--dataset {data}: these are not the images of cats (" in said
    assert "trainA has 2 images in place of 3 and trainB has images of other names or contents" in said
    assert json.loads((home / "results/cats/dataset.json").read_text())["root"] == "/gone"


def test_test_images_alone_are_accepted_by_their_content(home: Path, data: Path) -> None:
    shutil.rmtree(data / "trainA")
    shutil.rmtree(data / "trainB")
    call(home, evaluate(home, data))
    assert dataset_of(run_in(home)).root == data


def test_training_at_the_new_place_goes_on_with_the_run_and_remembers_the_place(home: Path, data: Path) -> None:
    said = call_in(home, "train", "cyclegan", "--dataset", data, *SMALL, *TINY).stderr
    assert "done before, at step 1." in said
    assert f"data set cats is now read from {data}; before, it was /gone." in said
    call(home, ["eval", *KID])


def test_a_name_filters_and_reads_where_the_images_were(home: Path, data: Path) -> None:
    call(home, evaluate(home, data))
    said = call(home, ["eval", "--dataset", "dogs", *KID], code=2)
    assert said.startswith("error: --dataset dogs: no finished run of it under ")
    call(home, ["eval", "--dataset", "cats", *KID])
    said = call(home, ["eval", run_in(home).id, "--dataset", "dogs", *KID], code=2)
    assert f"--dataset dogs: run {run_in(home).id} is of cats; give that, or leave the option out." in said


def test_a_text_is_a_name_unless_it_can_only_be_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("results/cats", "cats", "dogs"):
        (tmp_path / folder).mkdir(parents=True)
    results = tmp_path / "results"
    texts = {"cats": False, "./cats": True, "dogs": True, "birds": False, "a/birds": True, ".": True}
    assert {text: is_path(text, results) for text in texts} == texts
