"""Runs with `--size WxH`: trained, translated, scored and shown as rectangles, from photographs of 60 x 20 px."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call, call_in
from drawn_images import patches
from PIL import Image

from ugbench.data.images import read_image, read_size
from ugbench.data.tensors import to_float, to_tensor, to_uint8
from ugbench.inference.translate import load
from ugbench.runs.run import Run, read_run

PHOTO = (60, 20)
FULL = ("--set", "light=false")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("rectangles")
    for number, split in enumerate(("trainA", "trainB", "testA", "testB")):
        (home / "datasets" / "photos" / split).mkdir(parents=True)
        for index in range(4):
            patches(10 * number + index, PHOTO).save(home / "datasets" / "photos" / split / f"{index}.png")
    return home


Train = Callable[..., Run]


@pytest.fixture(scope="module")
def train(home: Path) -> Train:
    """train(method, size, *words) -> a run of two steps with 4 channels."""

    def make(method: str, size: str, *words: str) -> Run:
        small = ["--preset", "smoke", "--steps", "2", "--batch-size", "1", "--precision", "fp32"]
        small += ["--set", "channels=4,discriminator_channels=4,blocks=1"]
        done = call_in(home, "train", method, "--dataset", "photos", "--size", size, *small, *words, "--json")
        return read_run(Path(json.loads(done.stdout)["run"]))

    return make


def translate(home: Path, run: Run, output: Path, *words: object, code: int = 0) -> str:
    source = home / "datasets" / "photos" / "testA"
    words = ("--input", source, "--output", output, "--precision", "fp32", *words)
    return call_in(home, "translate", run.id, *words, code=code).stderr


@pytest.mark.parametrize(
    ("method", "size"), [("ugatit", "64x32"), ("cyclegan", "32x64"), ("unit", "32x64"), ("cut", "64x32")]
)
def test_each_method_trains_on_a_rectangle_and_translates_to_it(
    method: str, size: str, home: Path, train: Train, tmp_path: Path
) -> None:
    width, height = map(int, size.split("x"))
    run = train(method, size)
    assert run.is_done() and json.loads((run.path / "config.json").read_text())["config"]["size"] == [width, height]
    translate(home, run, tmp_path / "out")
    network, _ = load(run, torch.device("cpu"))
    for file in sorted((home / "datasets" / "photos" / "testA").iterdir()):
        squashed = read_image(file).resize((width, height), Image.Resampling.BILINEAR)
        expected = to_uint8(network.translate(to_float(to_tensor(squashed)[None]), "A2B"))[0]
        output = to_tensor(read_image(tmp_path / "out" / file.name))
        assert output.shape == expected.shape == (3, height, width)
        assert (output.int() - expected.int()).abs().max() <= 1  # images that are translated together round otherwise
    rows = 2 * len(run.directions())
    assert {read_size(file) for file in run.samples.iterdir()} == {(4 * width, rows * height)}


def test_a_full_ugatit_trains_its_own_rectangle_and_refuses_another_size_with_the_reason(
    home: Path, train: Train, tmp_path: Path
) -> None:
    run = train("ugatit", "64x32", *FULL)
    assert load(run, torch.device("cpu"))[0].generator_a2b.style.fc1.weight.shape == (16, 16 * 16 * 8)
    translate(home, run, tmp_path / "out", "--attention")
    assert {read_size(file) for file in (tmp_path / "out").glob("**/*.png")} == {(64, 32)}
    refused = translate(home, run, tmp_path / "native", "--native-size", code=2)
    assert "--native-size: ugatit translates images of one size only" in refused
    assert "(a full generator built for 64x32 px was given 72x36: its first gamma/beta layer has a weight" in refused
    assert not (tmp_path / "native").exists()


def test_a_convolutional_method_translates_photographs_at_their_own_size(
    home: Path, train: Train, tmp_path: Path
) -> None:
    translate(home, train("cyclegan", "64x32"), tmp_path / "out", "--native-size")
    assert {read_size(file) for file in (tmp_path / "out").glob("*.png")} == {PHOTO}


@pytest.mark.parametrize(
    ("fit", "output", "kept"),
    [("squash", (64, 32), (60, 20)), ("crop", (64, 32), (40, 20)), ("pad", (64, 21), (60, 20))],
)
def test_outputs_are_cut_back_and_kept_as_the_fit_says(
    fit: str, output: tuple[int, int], kept: tuple[int, int], home: Path, train: Train, tmp_path: Path
) -> None:
    run = train("cyclegan", "64x32", "--fit", fit)
    for folder, words, size in (("out", (), output), ("kept", ("--keep-size",), kept)):
        translate(home, run, tmp_path / folder, *words)
        assert {read_size(file) for file in (tmp_path / folder).glob("*.png")} == {size}


def test_a_square_that_is_given_as_a_rectangle_is_the_run_of_the_number(train: Train) -> None:
    square = train("cut", "32")
    assert train("cut", "32x32").id == square.id != train("cut", "32x64").id
    assert json.loads((square.path / "config.json").read_text())["config"]["size"] == 32


@pytest.fixture(scope="module")
def scored(home: Path, train: Train) -> list[Run]:
    runs = [train("cut", "64x32"), train("cut", "32")]
    words = ("--metric", "kid,ssim", "--extractor", "random")
    call_in(home, "eval", *(run.id for run in runs), *words)
    return runs


def test_scores_state_the_rectangle_and_tables_name_it(scored: list[Run], home: Path) -> None:
    records = [json.loads(line) for line in scored[0].scores_file.read_text().splitlines()]
    assert {json.dumps(record["protocol"]["size"]) for record in records} == {"[64, 32]"}
    squares = [json.loads(line) for line in scored[1].scores_file.read_text().splitlines()]
    assert {record["protocol"]["size"] for record in squares} == {32}
    assert {record["protocol_id"] for record in records}.isdisjoint(record["protocol_id"] for record in squares)
    assert {read_size(file) for file in scored[0].outputs("A2B").glob("*.png")} == {(64, 32)}
    page = call_in(home, "table", "--metric", "kid", "--format", "md").stdout
    assert "kid (64x32 px)" in page and "kid (32 px)" in page and "size 64x32, " in page and "[64, 32]" not in page
    assert "CUT (size 64x32)" in page


def test_runs_show_and_choose_a_rectangle_by_its_text(scored: list[Run], home: Path) -> None:
    place = ("--results", home / "results")
    chosen = json.loads(call("runs", "--method", "cut", "--where", "size=64x32", "--json", *place).stdout)
    assert scored[0].id in {run["id"] for run in chosen} and scored[1].id not in {run["id"] for run in chosen}
    assert "size 64x32" in call("runs", "--method", "cut", *place).stdout
    assert " 64x32\n" in call("runs", "show", scored[0].id, *place).stdout
    assert json.loads(call("runs", "show", scored[0].id, "--json", *place).stdout)["config"]["config"]["size"] == [
        64,
        32,
    ]


def test_figures_and_reports_show_the_proportions(scored: list[Run], home: Path, tmp_path: Path) -> None:
    for suffix, run in (("wide", scored[0]), ("square", scored[1])):
        words = ("--run", run.id, "--direction", "A2B", "--rows", "2", "--output", tmp_path / f"{suffix}.png")
        call_in(home, "figure", "comparison", *words)
    (width, height), (square_width, square_height) = (
        read_size(tmp_path / f"{name}.png") for name in ("wide", "square")
    )
    assert width == square_width
    # Two rows of images 1.1 inches wide lose half of their height; headings and gaps stay.
    assert square_height - height == pytest.approx(2 * 0.55 * 300, abs=2)
    call_in(home, "report", "--output", tmp_path / "page.html")


def test_a_run_takes_weights_from_another_size_and_continues_at_its_own(home: Path, train: Train) -> None:
    first = train("cyclegan", "64x32")
    other = train("cyclegan", "32x64", "--init-from", first.id)
    assert other.config.init_from == first.id
    words = [
        "train",
        "cyclegan",
        "--dataset",
        "photos",
        "--preset",
        "smoke",
        "--batch-size",
        "1",
        "--precision",
        "fp32",
    ]
    words += ["--set", "channels=4,discriminator_channels=4,blocks=1", "--continue-from", first.id, "--steps", "3"]
    assert "differs in size (64x32 there, 32x64 here)" in call_in(home, *words, "--size", "32x64", code=2).stderr
    assert "done, at step 3." in call_in(home, *words, "--size", "64x32").stderr


def test_a_full_ugatit_takes_no_weights_from_the_rectangle_that_lies_on_its_side(home: Path, train: Train) -> None:
    first = train("ugatit", "64x32", *FULL)
    words = ["train", "ugatit", "--dataset", "photos", "--preset", "smoke", "--steps", "2", "--batch-size", "1", *FULL]
    words += ["--set", "channels=4,discriminator_channels=4,blocks=1", "--init-from", first.id, "--size", "32x64"]
    error = call_in(home, *words, code=2).stderr.splitlines()[-1]
    assert f"--init-from {first.id}@2: a full generator built for 64x32 px was given 32x64: its first" in error


def test_a_dry_run_a_bench_and_an_export_name_the_rectangle(home: Path, train: Train, tmp_path: Path) -> None:
    words = ("--preset", "smoke", "--steps", "2", "--batch-size", "1")
    plan = call_in(home, "train", "cut", "--dataset", "photos", "--size", "64x32", "--dry-run", *words).stdout
    assert "64x32" in plan and "[64, 32]" not in plan
    timed: Any = json.loads(call_in(home, "bench", "cut", "--size", "64x32", "--json", *words).stdout)
    square: Any = json.loads(call_in(home, "bench", "cut", "--size", "64", "--json", *words).stdout)
    assert timed["size"] == [64, 32] and square["size"] == 64
    assert timed["flops_per_step"] / square["flops_per_step"] == pytest.approx(0.5, abs=0.05)
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    run = train("ugatit", "64x32", *FULL)
    assert "at 64x32 px" in call_in(home, "export", run.id, "--output", tmp_path / "full.onnx").stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--size", "0x5"], "--size 0x5: give px from 1 to 65,536"),
        (["--size", "128x"], "--size 128x: give px from 1 to 65,536"),
        (["--size", "axb"], "--size axb: give px from 1 to 65,536"),
        (["--size", "4x64"], "--size 4x64: that is too small; give 8 px or more."),
        (["--size", "64x30"], "size: 64x30 was given; width and height are multiples of 4"),
        (["--set", "size=64x30"], "size: 64x30 was given; width and height are multiples of 4"),
        (["--size", "64x32", "--set", "size=32"], "--set size=32: --size says 64x32; give one of them."),
    ],
)
def test_a_wrong_size_is_one_sentence(words: list[str], sentence: str, home: Path) -> None:
    error = call_in(home, "train", "cut", "--dataset", "photos", "--preset", "smoke", *words, code=2).stderr
    assert f"error: {sentence}" in error.splitlines()[-1]
