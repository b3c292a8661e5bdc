"""`--fit`: photographs that are no squares are squashed, cropped or padded, in training and scores alike."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call, call_in, moved_copy
from drawn_images import patches
from PIL import Image

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform, fitted
from ugbench.data.images import read_image, read_size
from ugbench.fit import FITS, Fit
from ugbench.metrics import kid
from ugbench.report.gallery import make_gallery
from ugbench.report.thumbnails import ThumbnailPool
from ugbench.runs.run import Run, dataset_of, find_run, list_runs
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor
from ugbench.scoring.protocols import Resize
from ugbench.votes.server.pictures import prepare_pictures, render

SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "1"]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4"]
TRAIN = ["train", "cyclegan", *SMALL, *TINY]
RANDOM = ["--extractor", "random"]
SHAPES = [(60, 40), (40, 60), (90, 40)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set `cats` of pairs of photographs of three shapes, a run on it for each fit, and their scores."""
    folder = tmp_path_factory.mktemp("made")
    for number, split in enumerate(("trainA", "trainB", "testA", "testB")):
        (folder / "datasets/cats" / split).mkdir(parents=True)
        for place, shape in enumerate(SHAPES):
            patches(10 * number + place, shape).save(folder / "datasets/cats" / split / f"{place}.png")
    (folder / "datasets/cats/dataset.json").write_text('{"pairs": "stems"}')
    for fit in FITS:
        call_in(folder, *TRAIN, "--dataset", "cats", "--fit", fit)
    call_in(folder, "eval", *RANDOM, "--metric", "kid,l1_truth")
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return moved_copy(made, tmp_path / "home")


def run_of(home: Path, fit: str) -> Run:
    (run,) = [run for run in list_runs(home / "results") if run.config.config["fit"] == fit]
    return run


def records(file: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The records of a scores.jsonl by metric, direction and fit."""
    lines = map(json.loads, file.read_text().splitlines())
    return {(line["metric"], line["direction"], line["protocol"].get("fit", "squash")): line for line in lines}


def planned_id(home: Path, *words: str) -> str:
    return str(json.loads(call_in(home, *TRAIN, "--dataset", "cats", *words, "--dry-run", "--json").stdout)["id"])


def test_the_fit_is_part_of_the_id_and_the_default_is_not(made: Path) -> None:
    ids = {fit: run_of(made, fit).id for fit in FITS}
    assert len(set(ids.values())) == 3
    assert planned_id(made) == planned_id(made, "--set", "fit=squash") == ids["squash"]
    assert planned_id(made, "--set", "fit=crop") == ids["crop"]
    stored = json.loads((run_of(made, "squash").path / "config.json").read_text())
    assert stored["config"]["fit"] == "squash"


def test_another_fit_is_refused_with_the_three_that_there_are(made: Path) -> None:
    for words in (["--fit", "cover"], ["--set", "fit=cover"]):
        message = call_in(made, *TRAIN, "--dataset", "cats", *words, code=2).stderr
        assert all(fit in message for fit in (*FITS, "cover"))
    both = call_in(made, *TRAIN, "--dataset", "cats", "--fit", "crop", "--set", "fit=pad", code=2).stderr
    assert "--fit says crop" in both


@pytest.mark.parametrize("fit", FITS)
def test_outputs_are_compared_with_references_and_truth_of_the_same_transform(made: Path, fit: Fit) -> None:
    run, targets = run_of(made, fit), sorted((made / "datasets/cats/testB").iterdir())
    outputs = sorted(run.outputs("A2B").glob("*.png"))
    assert {read_size(file) for file in outputs} == {(32, 32)}
    extractor, transform = load_extractor("random", {}), Resize(32, "bilinear", fit)
    fake, real = (features_of(files, (transform,), extractor) for files in (outputs, targets))
    stored = records(run.scores_file)
    assert stored["kid", "A2B", fit]["value"] == pytest.approx(kid.compute(fake, real).value, rel=1e-4)
    truth = [np.asarray(fitted(read_image(file), Transform(32, fit)), float) for file in targets]
    made_of = [np.asarray(read_image(file), float) for file in outputs]
    errors = [np.abs(first - second).mean() / 255 for first, second in zip(made_of, truth, strict=True)]
    assert stored["l1_truth", "A2B", fit]["value"] == pytest.approx(np.mean(errors), rel=1e-5)
    assert {key[2] for key in stored} == {fit}


def test_identity_and_real_have_a_row_for_each_fit(made: Path) -> None:
    for name in ("identity", "real"):
        stored = records(made / "results/cats" / name / "scores.jsonl")
        of_kid = [stored["kid", "A2B", fit] for fit in FITS]
        assert len({record["value"] for record in of_kid}) == len({record["protocol_id"] for record in of_kid}) == 3


def test_tables_have_a_column_for_each_fit(made: Path) -> None:
    header = call_in(made, "table", "--metric", "kid", "--format", "csv").stdout
    assert all(word in header for word in ("squash", "crop", "pad"))


@pytest.mark.parametrize(
    ("fit", "plain", "kept"),
    [("squash", (32, 32), (60, 40)), ("crop", (32, 32), (40, 40)), ("pad", (32, 21), (60, 40))],
)
def test_translate_cuts_padding_off_and_keep_size_puts_the_scale_back(
    made: Path, tmp_path: Path, fit: str, plain: tuple[int, int], kept: tuple[int, int]
) -> None:
    source = made / "datasets/cats/testA/0.png"
    words = ("translate", run_of(made, fit).path, "--input", source, "--device", "cpu")
    call(*words, "--output", tmp_path / "plain")
    call(*words, "--output", tmp_path / "kept", "--keep-size")
    assert (read_size(tmp_path / "plain/0.png"), read_size(tmp_path / "kept/0.png")) == (plain, kept)
    stored = read_image(run_of(made, fit).outputs("A2B") / "0.png")
    shown = stored if fit != "pad" else stored.crop((0, 5, 32, 26))
    assert read_image(tmp_path / "plain/0.png").tobytes() == shown.tobytes()


def test_a_dry_run_counts_the_shapes_of_images_that_are_cropped_in_training(made: Path) -> None:
    def memory(fit: str) -> int:
        words = (*TRAIN, "--dataset", "cats", "--fit", fit, "--dry-run", "--json")
        return int(json.loads(call_in(made, *words).stdout)["memory_bytes"])

    pixels = 2 * (36 * 54 + 54 * 36 + 81 * 36)
    assert memory("crop") - memory("squash") == 3 * (pixels - 6 * 36 * 36)
    assert memory("pad") == memory("squash")


def test_a_comparison_trains_the_same_runs(made: Path) -> None:
    words = ("compare", "--methods", "cyclegan", "--dataset", "cats", "--seeds", "1", *SMALL, *RANDOM)
    sets = ("--set", "cyclegan.channels=4", "--set", "cyclegan.blocks=1", "--set", "cyclegan.discriminator_channels=4")
    for fit in FITS:
        planned = call_in(made, *words, *sets, "--fit", fit, "--dry-run", "--json").stdout
        assert run_of(made, fit).id in planned


def test_on_squares_only_the_ids_differ(tmp_path: Path) -> None:
    words = (*TRAIN, "--dataset", "dial:size=32,train=4,test=4")
    for fit in FITS:
        call_in(tmp_path, *words, "--fit", fit)
    call_in(tmp_path, "eval", *RANDOM, "--metric", "kid,changed,l1_truth")
    runs = {run.config.fit: run for run in list_runs(tmp_path / "results")}
    weights = {fit: find_run(runs[fit].id, tmp_path / "results").generators_file.read_bytes()[-4096:] for fit in FITS}
    assert len(set(weights.values())) == 1
    for name in ("kid", "changed", "l1_truth"):
        stored = [records(runs[fit].scores_file)[name, "A2B", fit] for fit in FITS]
        assert len({record["value"] for record in stored}) == 1
        assert len({record["protocol_id"] for record in stored}) == 3


def test_an_image_far_longer_than_high_is_trained_with_and_translated(home: Path, tmp_path: Path) -> None:
    for split in ("trainA", "testA"):
        patches(99, (700, 20)).save(home / "datasets/cats" / split / "long.png")
    for split in ("trainB", "testB"):
        patches(98, (20, 700)).save(home / "datasets/cats" / split / "long.png")
    for fit, size in (("crop", (20, 20)), ("pad", (700, 20))):
        run = json.loads(call_in(home, *TRAIN, "--dataset", "cats", "--fit", fit, "--json").stdout)["run"]
        source = home / "datasets/cats/testA/long.png"
        call("translate", run, "--input", source, "--output", tmp_path / fit, "--keep-size", "--device", "cpu")
        assert read_size(tmp_path / fit / "long.png") == size


def test_pictures_of_sources_show_what_the_networks_saw(made: Path) -> None:
    source, cropped = made / "datasets/cats/testA/0.png", run_of(made, "crop")
    dataset = dataset_of(cropped)
    expected = fitted(read_image(source), Transform(32, "crop")).tobytes()
    shown = render(prepare_pictures([cropped], dataset, "cats", "A2B"), "0")[0]
    assert Image.open(io.BytesIO(shown)).tobytes() == expected
    for runs, fit in (([cropped], "crop"), ([cropped, run_of(made, "pad")], "squash")):
        pool = ThumbnailPool()
        assert make_gallery(runs, "A2B", pool, 9, None, DataSet.fingerprint) is not None
        place = list(pool.files).index((source, (32, 32), fit))
        content = base64.b64decode(list(pool.uris())[place].partition(",")[2])
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        assert picture.tobytes() == fitted(read_image(source), Transform(32, fit)).tobytes()
