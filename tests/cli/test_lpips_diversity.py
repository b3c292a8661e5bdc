"""LPIPS between the outputs of one source with different styles, from the run's weights to the record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call_in, moved_copy
from drawn_images import draw_noise
from styled_method import styled_is_installed

from ugbench.data.styles import draw_styles
from ugbench.data.tensors import load_images, to_float, to_uint8
from ugbench.inference.translate import load
from ugbench.runs.run import Run, find_run
from ugbench.scoring import per_image
from ugbench.scoring.networks.perceptual import load_lpips

SMALL = [
    *("--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "2", "--sample-every", "1000"),
    *("--precision", "fp32"),  # as the expected outputs below are computed
]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4"]
IMAGES, SAMPLES = 3, 10


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    with styled_is_installed():
        yield


@pytest.fixture(scope="module")
def weights(backbone: Callable[[str], Path]) -> list[object]:
    return ["--weights", f"squeezenet={backbone('squeezenet')}", "--lpips-net", "squeeze"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, weights: list[object]) -> Path:
    """A run of `styled` with checkpoints of the steps 1 and 2 and its diversity, and a run without a style."""
    folder = tmp_path_factory.mktemp("made")
    for seed, split in enumerate(("trainA", "trainB", "testA", "testB")):
        draw_noise(folder / "datasets/cats" / split, seed, IMAGES)
    call_in(folder, "train", "styled", "--dataset", "cats", *SMALL, "--save-every", "1", "--keep", "all")
    call_in(folder, "train", "cyclegan", "--dataset", "cats", *SMALL, *TINY)
    call_in(folder, "eval", run_of(folder).path, "--metric", "lpips_diversity", *weights)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return moved_copy(made, tmp_path / "home")


def run_of(home: Path, method: str = "styled") -> Run:
    (folder,) = home.glob(f"results/cats/{method}/*")
    return find_run(str(folder), home / "results")


def evaluate(home: Path, weights: list[object], *words: object) -> list[dict[str, Any]]:
    return json.loads(call_in(home, "eval", *words, *weights, "--json").stdout)


def by_hand(home: Path, backbone: Callable[[str], Path], step: int | None = None) -> list[float]:
    """The diversity of each source from A to B: each pair of outputs by itself."""
    method, _ = load(run_of(home), torch.device("cpu"), step)
    sources = to_float(load_images(sorted((home / "datasets/cats/testA").iterdir()), 32))
    styles = draw_styles(3, range(IMAGES), SAMPLES)
    distance = load_lpips("squeeze", {"squeezenet": backbone("squeezenet")}).distance
    values = []
    for source, of_source in zip(sources, styles, strict=True):
        outputs = [to_float(to_uint8(method.translate(source[None], "A2B", style[None]))) for style in of_source]
        distances = [float(distance(first, second)) for first, second in combinations(outputs, 2)]
        assert len(distances) == 45
        values.append(sum(distances) / 45)
    return values


def test_it_is_the_mean_over_the_pairs_of_ten_outputs_of_each_source(
    made: Path, weights: list[object], backbone: Callable[[str], Path]
) -> None:
    (record,) = [
        r for r in evaluate(made, weights, run_of(made).path, "--metric", "lpips_diversity") if r["direction"] == "A2B"
    ]
    expected = by_hand(made, backbone)
    assert min(expected) > 0 and len(set(expected)) == IMAGES
    assert record["value"] == pytest.approx(sum(expected) / IMAGES, rel=1e-4)
    assert record["se"] == pytest.approx(float(torch.tensor(expected).std()) / IMAGES**0.5, rel=1e-3)
    (stored,) = per_image.read(run_of(made), "A2B", 2)
    assert list(stored.values.values()) == pytest.approx(expected, rel=1e-4)


def test_its_protocol_has_the_number_of_samples(made: Path, weights: list[object]) -> None:
    records = evaluate(made, weights, run_of(made).path, "--metric", "lpips_diversity")
    assert [r["direction"] for r in records] == ["A2B", "B2A"]
    for record in records:
        assert record["protocol"]["settings"] == {"samples": SAMPLES}
        assert record["protocol"]["perceptual"]["net"] == "squeeze"
        assert (record["n_fake"], record["references"], record["higher_is_better"]) == (IMAGES, None, True)


def test_samples_lie_beside_the_outputs_and_the_first_one_is_the_output(made: Path) -> None:
    run = run_of(made)
    files = sorted(run.sample_outputs("A2B").glob("*.png"))
    assert [file.name for file in files] == [f"{i}.{k}.png" for i in range(IMAGES) for k in range(SAMPLES)]
    for i in range(IMAGES):
        output = (run.outputs("A2B") / f"{i}.png").read_bytes()
        assert (run.sample_outputs("A2B") / f"{i}.0.png").read_bytes() == output
    assert json.loads(run.sample_outputs_note("A2B").read_text())["samples"] == SAMPLES


def test_a_known_score_makes_nothing_and_samples_are_used_again(home: Path, weights: list[object]) -> None:
    run = run_of(home)
    records = evaluate(home, weights, run.path, "--metric", "lpips_diversity")
    before = {file: file.stat().st_mtime_ns for file in run.sample_outputs("A2B").iterdir()}
    run.scores_file.unlink()
    assert evaluate(home, weights, run.path, "--metric", "lpips_diversity") == records
    assert {file: file.stat().st_mtime_ns for file in run.sample_outputs("A2B").iterdir()} == before


def test_samples_of_another_checkpoint_are_made_again(
    home: Path, weights: list[object], backbone: Callable[[str], Path]
) -> None:
    words = [run_of(home).path, "--metric", "lpips_diversity", "--checkpoints", "all"]
    records = {(r["step"], r["direction"]): r["value"] for r in evaluate(home, weights, *words)}
    for step in (1, 2):
        expected = sum(by_hand(home, backbone, step)) / IMAGES
        assert records[step, "A2B"] == pytest.approx(expected, rel=1e-4)
    assert records[1, "A2B"] != records[2, "A2B"]


def test_a_missing_sample_is_made_again(home: Path, weights: list[object]) -> None:
    run = run_of(home)
    lost = run.sample_outputs("A2B") / "1.4.png"
    content = lost.read_bytes()
    lost.unlink()
    run.scores_file.unlink()
    evaluate(home, weights, run.path, "--metric", "lpips_diversity")
    assert lost.read_bytes() == content


def test_a_method_without_a_style_has_none_in_one_sentence(made: Path, weights: list[object]) -> None:
    run = run_of(made, "cyclegan")
    error = call_in(made, "eval", run.path, "--metric", "lpips_diversity", *weights, code=2).stderr
    says = f"error: --metric lpips_diversity: run {run.id} (cyclegan): it makes one output for each image; name another"
    assert says in error and error.count("it makes one output") == 1
    assert not run.outputs("A2B").exists()


def test_of_several_runs_that_can_have_no_score_one_sentence_is_said(home: Path, weights: list[object]) -> None:
    call_in(home, "train", "cyclegan", "--dataset", "cats", *SMALL, *TINY, "--seed", "1")
    runs = sorted((home / "results/cats/cyclegan").iterdir())
    error = call_in(home, "eval", *runs, "--metric", "lpips_diversity", *weights, code=2).stderr
    assert len(runs) == 2 and error.count("it makes one output for each image") == 1


def test_with_other_metrics_or_runs_it_is_left_out_with_a_message(home: Path, weights: list[object]) -> None:
    run = run_of(home, "cyclegan")
    result = call_in(home, "eval", "--metric", "kid,lpips_diversity", "--extractor", "random", *weights, "--json")
    assert f"no lpips_diversity for run {run.id} (cyclegan): it makes one output for each image." in result.stderr
    metrics = {(r["method"], r["metric"]) for r in json.loads(result.stdout)}
    assert metrics == {("styled", "kid"), ("styled", "lpips_diversity"), ("cyclegan", "kid")}
    result = call_in(home, "eval", "--metric", "lpips_diversity", *weights, "--json")
    assert {r["method"] for r in json.loads(result.stdout)} == {"styled"}


def test_it_is_computed_only_if_it_is_asked_for(home: Path, weights: list[object]) -> None:
    metrics = {r["metric"] for r in evaluate(home, weights, run_of(home).path, "--extractor", "random")}
    assert metrics == {"kid", "fid", "lpips"}
    assert "lpips_diversity" not in (home / "results/cats/identity/scores.jsonl").read_text()


def test_a_table_shows_it_with_its_note_and_the_number_of_samples(made: Path) -> None:
    text = call_in(made, "table", "--format", "md").stdout
    assert "LPIPS diversity ↑" in text and "samples 10" in text
    assert "Noise in the outputs makes it larger, too" in text


def test_without_weights_the_error_names_them(made: Path) -> None:
    words = [run_of(made).path, "--metric", "lpips_diversity"]
    assert "--weights alexnet=FILE" in call_in(made, "eval", *words, code=2).stderr
