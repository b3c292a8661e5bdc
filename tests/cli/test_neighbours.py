"""`ugbench neighbours` on a run whose data set and outputs are small enough to search by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from commands import call
from PIL import Image
from typer.testing import Result

from ugbench.data.tensors import load_images
from ugbench.scoring.networks.extractors import extract, load_extractor

DIAL = "dial:size=32,train=12,test=5"


@dataclass(frozen=True)
class Home:
    """An imported set of outputs one way: four are other test images, one is a copy of a training image."""

    data: Path
    results: Path
    copied: Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    call("data", "make", DIAL, "--data-root", folder / "data")
    (data,) = (folder / "data").iterdir()
    made = folder / "made"
    made.mkdir()
    copied = sorted((data / "trainB").iterdir())[4]
    for place, source in enumerate(sorted((data / "testA").iterdir())):
        if place == 2:
            shutil.copy(copied, made / source.name)
        else:
            Image.open(source).rotate(90).save(made / source.name)
    where = ["--dataset", data, "--results", folder / "results"]
    call("import", made, "--as", "external", "--name", "other", "--direction", "A2B", *where)
    return Home(data, folder / "results", copied)


@pytest.fixture
def neighbours(home: Home, tmp_path: Path) -> Callable[..., Result]:
    run = next(home.results.glob("*/external/other-*"))
    shared = ["--extractor", "random", "--results", home.results, "--cache", tmp_path / "cache", "--device", "cpu"]
    return lambda *words, code=0: call("neighbours", run, *words, *shared, code=code)


def test_json_is_a_record_an_output_nearest_first_and_the_copy_is_found(
    home: Home, neighbours: Callable[..., Result]
) -> None:
    records = json.loads(neighbours("--json").stdout)
    fields = ["run", "direction", "step", "extractor", "output", "nearest", "distance", "limit", "near"]
    assert [list(pair) for pair in records] == [fields] * 5
    assert records[0]["distance"] == pytest.approx(0, abs=1e-5) and records[0]["near"]
    assert records[0]["nearest"] == str(home.copied)
    network = load_extractor("random", {})
    train = sorted((home.data / "trainB").iterdir())
    known = extract(network, load_images(train, 32))
    for pair in records:
        far = torch.linalg.vector_norm(extract(network, load_images([Path(pair["output"])], 32)) - known, dim=1)
        assert pair["distance"] == pytest.approx(float(far.min()), rel=1e-3, abs=1e-5)
        assert pair["nearest"] == str(train[int(far.argmin())])
    assert [pair["distance"] for pair in records] == sorted(pair["distance"] for pair in records)


def test_the_text_shows_both_sets_of_distances_names_near_files_and_says_what_near_means(
    home: Home, neighbours: Callable[..., Result]
) -> None:
    result = neighbours()
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["direction", "images", "number", "0%", "1%", "10%", "50%", "90%", "100%"]
    assert lines[1].startswith("A2B        outputs    ") and lines[2].startswith("A2B        real test  ")
    assert "of 5 outputs are nearer to a training image than all but 1% of the real test images." in result.stdout
    assert str(home.copied) in result.stdout
    assert "a reason to look at a pair, not a proof of copying" in result.stderr


def test_the_drawing_holds_the_closest_pairs(neighbours: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "closest.png"
    assert f"written to {file}" in neighbours("--output", file).stderr
    with Image.open(file) as image:
        assert image.width == 2100
        assert len(image.convert("RGB").getcolors(1 << 24)) > 100
    refused = neighbours("--output", tmp_path / "closest.jpg", code=2)
    assert refused.stderr.startswith("error: --output") and "figure is written as .png or .pdf" in refused.stderr


def test_a_way_that_the_run_lacks_and_a_data_set_without_training_images_are_refused(
    home: Home, neighbours: Callable[..., Result], tmp_path: Path
) -> None:
    assert "translates A2B only" in neighbours("--direction", "B2A", code=2).stderr
    (home.data / "trainB").rename(tmp_path / "away")
    try:
        assert "has no trainB" in neighbours(code=2).stderr
    finally:
        (tmp_path / "away").rename(home.data / "trainB")
