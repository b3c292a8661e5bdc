"""Errors against the truth, wherever a data set states that its test images are pairs."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call_in, call_json, moved_copy
from drawn_images import draw_noise
from numpy.typing import NDArray
from PIL import Image

from ugbench.runs.run import Run, list_runs
from ugbench.scoring import per_image

SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "1"]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4"]
RANDOM = ["--extractor", "random"]
ERRORS = ["l1_truth", "psnr", "ssim"]
IMAGES = 3
STATEMENT = '{"pairs": "stems"}'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set `cats` of pairs, a run on it, and the scores that eval computes by itself."""
    folder = tmp_path_factory.mktemp("made")
    for seed, split in enumerate(("trainA", "trainB", "testA", "testB")):
        draw_noise(folder / "datasets/cats" / split, seed, IMAGES)
    (folder / "datasets/cats/dataset.json").write_text(STATEMENT)
    call_in(folder, "train", "cyclegan", "--dataset", "cats", *SMALL, *TINY)
    call_in(folder, "eval", *RANDOM)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return moved_copy(made, tmp_path / "home")


def evaluate(home: Path, *words: str) -> list[dict[str, Any]]:
    return json.loads(call_in(home, "eval", *RANDOM, *words, "--json").stdout)


def only_run(home: Path) -> Run:
    (run,) = list_runs(home / "results")
    return run


def pixels(folder: Path) -> NDArray[np.float64]:
    """The images of a folder by name, (n, h, w, 3)."""
    files = sorted(folder.glob("*.png"))
    return np.stack([np.array(Image.open(file).convert("RGB"), dtype=np.float64) for file in files])


@pytest.mark.parametrize(("direction", "split"), [("A2B", "testB"), ("B2A", "testA")])
def test_a_run_is_compared_with_the_images_of_equal_stems(made: Path, direction: str, split: str) -> None:
    outputs, truth = pixels(only_run(made).outputs(direction)), pixels(made / "datasets/cats" / split)  # type: ignore[arg-type]
    records = {record["metric"]: record for record in evaluate(made) if record["direction"] == direction}
    l1 = np.abs(outputs - truth).mean((1, 2, 3)) / 255
    decibels = [10 * math.log10(255**2 / error) for error in np.square(outputs - truth).mean((1, 2, 3))]
    assert records["l1_truth"]["value"] == pytest.approx(l1.mean(), rel=1e-5)
    assert records["l1_truth"]["se"] == pytest.approx(l1.std(ddof=1) / IMAGES**0.5, rel=1e-4)
    assert records["psnr"]["value"] == pytest.approx(np.mean(decibels), rel=1e-5)
    assert -0.5 < records["ssim"]["value"] < 0.9
    assert {name: records[name]["higher_is_better"] for name in ERRORS} == {
        "l1_truth": False,
        "psnr": True,
        "ssim": True,
    }
    stored = {scores.metric: scores.values for scores in per_image.read(only_run(made), direction, 1)}  # type: ignore[arg-type]
    assert list(stored["psnr"].values()) == pytest.approx(decibels, rel=1e-5)
    assert set(stored["l1_truth"]) == {"0", "1", "2"}


def test_pairs_have_the_errors_without_being_asked_and_no_scores_of_a_dial(made: Path) -> None:
    assert [record["metric"] for record in evaluate(made)] == 2 * ["kid", "fid", *ERRORS]


def test_records_state_the_convention_and_the_truth_as_references(made: Path) -> None:
    records = {record["metric"]: record for record in evaluate(made) if record["direction"] == "A2B"}
    settings = {name: records[name]["protocol"]["settings"] for name in ERRORS}
    assert settings == {
        "l1_truth": {},
        "psnr": {"data_range": 255, "colour": "rgb", "most": 100},
        "ssim": {"data_range": 255, "colour": "rgb", "window_sigma": 1.5},
    }
    for name in ERRORS:
        assert records[name]["references"] == records["kid"]["references"]
        assert (records[name]["n_fake"], records[name]["n_real"], records[name]["n_missing"]) == (3, 3, 0)
        assert records[name]["protocol"]["size"] == 32 and records[name]["comparable"]
        assert not {"reference", "extractor"} & records[name]["protocol"].keys()


def test_a_second_call_reads_the_records_and_another_truth_makes_new_ones(home: Path) -> None:
    lines = only_run(home).scores_file.read_text()
    before = evaluate(home, "--metric", "l1_truth")
    assert only_run(home).scores_file.read_text() == lines
    draw_noise(home / "datasets/cats/testB", 9, IMAGES)
    after = evaluate(home, "--metric", "l1_truth")
    values = [[record["value"] for record in records if record["direction"] == "A2B"] for records in (before, after)]
    assert values[0] != values[1]


def test_the_untouched_sources_have_the_errors_too_and_training_images_have_no_truth(made: Path) -> None:
    scores = (made / "results/cats/identity/scores.jsonl").read_text().splitlines()
    records = {(r["metric"], r["direction"]): r["value"] for r in map(json.loads, scores)}
    sources, truth = pixels(made / "datasets/cats/testA"), pixels(made / "datasets/cats/testB")
    expected = np.abs(sources - truth).mean() / 255
    assert records["l1_truth", "A2B"] == records["l1_truth", "B2A"] == pytest.approx(expected, rel=1e-5)
    assert "_truth" not in (made / "results/cats/real/scores.jsonl").read_text()


def test_a_table_says_which_way_is_better(made: Path) -> None:
    header = call_in(made, "table", "--format", "md").stdout.split("| method |")[1].splitlines()[0]
    for heading in ("L1 to truth ↓", "PSNR (dB) ↑", "SSIM ↑"):
        assert heading in header


def test_lpips_to_the_truth_is_that_of_the_references_as_sources(
    home: Path, backbone: Callable[[str], Path], tmp_path: Path
) -> None:
    weights = ["--weights", f"alexnet={backbone('alexnet')}"]
    records = evaluate(home, "--metric", "lpips_truth,lpips", *weights)
    (record,) = [r for r in records if (r["metric"], r["direction"]) == ("lpips_truth", "A2B")]
    folders = ["--real", home / "datasets/cats/testB", "--fake", only_run(home).outputs("A2B")]
    (plain,) = call_json("eval", *folders, "--metric", "lpips", "--source", home / "datasets/cats/testB", *weights)
    assert record["value"] == pytest.approx(plain["value"], rel=1e-6)
    assert record["value"] > 0 and record["protocol"]["perceptual"]["net"] == "alex"
    assert "lpips_truth" in {r["metric"] for r in evaluate(home, *weights)}


@pytest.mark.parametrize("metric", ["changed", "unchanged", "iou", "cam_mass"])
def test_scores_of_what_should_change_are_for_dials_alone(home: Path, metric: str) -> None:
    error = call_in(home, "eval", "--metric", metric, code=2).stderr
    assert f"error: --metric {metric}: it is of drawn scenes, where each pixel shows whether it should change" in error


def test_without_the_statement_there_is_no_truth(home: Path) -> None:
    (home / "datasets/cats/dataset.json").unlink()
    error = call_in(home, "eval", "--metric", "psnr", code=2).stderr
    assert "error: --metric psnr: the true translation of cats is not known: it is no dial, and " in error
    assert f"datasets/cats/dataset.json does not state {STATEMENT}" in error
    assert [r["metric"] for r in evaluate(home)] == 2 * ["kid", "fid"]


def test_sources_without_a_partner_are_named_before_anything_is_made(home: Path) -> None:
    (home / "datasets/cats/testB/1.png").rename(home / "datasets/cats/testB/seven.png")
    shutil.rmtree(only_run(home).all_outputs)
    error = call_in(home, "eval", *RANDOM, code=2).stderr
    assert (
        "testA: 1 of 3 images has no partner of the same stem in " in error and "testB (1.png); add or rename" in error
    )
    assert not only_run(home).outputs("A2B").exists()
    assert [r["metric"] for r in evaluate(home, "--metric", "kid")] == ["kid", "kid"]


def test_a_damaged_statement_is_one_sentence(home: Path) -> None:
    (home / "datasets/cats/dataset.json").write_text('{"pairs": 1}')
    assert 'dataset.json: "pairs" is 1, which is not known; write' in call_in(home, "eval", *RANDOM, code=2).stderr


def test_an_output_that_comes_near_to_the_truth_is_no_copy(home: Path, tmp_path: Path) -> None:
    """As on a dial: only an equal image is."""
    near = tmp_path / "near"
    near.mkdir()
    levels = np.random.default_rng(0)
    for file in sorted((home / "datasets/cats/testB").glob("*.png")):
        image = np.array(Image.open(file)).astype(int)
        moved = (image + levels.integers(-1, 2, image.shape)).clip(0, 255)
        Image.fromarray(moved.astype(np.uint8)).save(near / file.name)
    call_in(home, "import", near, "--as", "external", "--name", "near", "--dataset", "cats")
    records = [r for r in evaluate(home, "--metric", "psnr") if r["method"] == "near"]
    assert [r["copies"]["references"] for r in records] == [0]
    assert records[0]["value"] > 45


def test_a_dial_has_them_if_they_are_asked_for(tmp_path: Path) -> None:
    words = ["--dataset", "dial:size=32,train=2,test=2", *SMALL, *TINY]
    call_in(tmp_path, "train", "cyclegan", *words)
    asked = [record["metric"] for record in evaluate(tmp_path, "--metric", "psnr,l1_truth,ssim")]
    assert asked == 2 * ["psnr", "l1_truth", "ssim"]
    assert [r["metric"] for r in evaluate(tmp_path)] == 2 * ["kid", "fid", "changed", "unchanged", "iou"]


def test_the_comparison_of_a_report_shows_the_truth(home: Path, tmp_path: Path) -> None:
    call_in(home, "report", "--output", tmp_path / "report.html")
    assert "truth (B)" in (tmp_path / "report.html").read_text()
