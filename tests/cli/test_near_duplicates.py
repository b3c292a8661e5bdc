"""Of near-duplicates among the sources, or among the references, only the first is scored."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import call, call_in, call_json
from drawn_images import patches
from PIL import Image

from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import open_dataset
from ugbench.data.fitting import Transform
from ugbench.data.known_files import images_hash
from ugbench.runs.run import find_run
from ugbench.scoring.eval_set import EvalSet

SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "1"]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4", "--sample-every", "1000"]
KID = ["--metric", "kid", "--extractor", "random"]


def draw(folder: Path, first_seed: int, stems: str) -> Path:
    """An image for each stem; that of a stem with an x is a near-duplicate of the image before."""
    folder.mkdir(parents=True)
    image = patches(first_seed)
    for place, stem in enumerate(stems.split()):
        if "x" in stem:
            held = io.BytesIO()
            image.save(held, "JPEG", quality=60)
            Image.open(held).convert("RGB").save(folder / f"{stem}.png")
        else:
            image = patches(first_seed + place)
            image.save(folder / f"{stem}.png")
    return folder


def score(real: Path, fake: Path, *words: object) -> dict[str, Any]:
    (record,) = call_json("eval", "--real", real, "--fake", fake, *KID, *words)
    assert isinstance(record, dict)
    return record


@pytest.fixture
def references(tmp_path: Path) -> Path:
    return draw(tmp_path / "references", 0, "a b c d dx dxx e")


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return draw(tmp_path / "outputs", 100, "a b c d dx")


def test_near_duplicates_among_references_are_left_out_and_the_protocol_says_so(
    references: Path, outputs: Path, tmp_path: Path
) -> None:
    with_them = score(references, outputs)
    (tmp_path / "without").mkdir()
    for stem in "abcde":
        shutil.copy(references / f"{stem}.png", tmp_path / "without")
    without = score(tmp_path / "without", outputs)
    assert with_them["protocol"]["near_duplicates"] == {"references": 2}
    assert "near_duplicates" not in without["protocol"]
    for field in ("value", "se", "p_value", "n_real", "n_fake", "protocol_id"):
        assert with_them[field] == without[field], field
    assert (with_them["n_real"], with_them["n_fake"]) == (5, 5)  # an output is no image of the data set
    assert with_them["references"] == images_hash(sorted(references.iterdir()))


def test_eval_names_the_images_that_it_leaves_out(references: Path, outputs: Path) -> None:
    printed = call("eval", "--real", references, "--fake", outputs, *KID).stderr
    assert "2 of 7 images are near-duplicates of others and are not scored: dx.png, dxx.png." in " ".join(
        printed.split()
    )


def test_outputs_of_near_duplicate_sources_are_left_out(references: Path, outputs: Path, tmp_path: Path) -> None:
    sources = draw(tmp_path / "sources", 50, "a b c cx d")
    shutil.move(outputs / "dx.png", outputs / "cx.png")
    record = score(references, outputs, "--source", sources)
    assert record["protocol"]["near_duplicates"] == {"sources": 1, "references": 2}
    assert (record["n_fake"], record["n_missing"]) == (4, 0)
    assert record["sources"] == images_hash(sorted(sources.iterdir()))
    for stem in "abcd":
        (outputs / f"{stem}.png").unlink()
    error = call("eval", "--real", references, "--fake", outputs, "--source", sources, *KID, code=2).stderr
    assert "it has outputs of only those sources that are left out" in " ".join(error.split())


def test_protocols_that_repeat_other_code_score_all_images(references: Path, outputs: Path) -> None:
    record = score(references, outputs, "--protocol", "torch-fidelity", "--kid-subset-size", "3")
    assert "near_duplicates" not in record["protocol"]
    assert record["n_real"] == 7


def test_a_file_of_features_leaves_out_the_same_images(references: Path, outputs: Path, tmp_path: Path) -> None:
    file = tmp_path / "references.safetensors"
    call("features", references, "--output", file, "--extractor", "random")
    of_file, of_folder = score(file, outputs), score(references, outputs)
    assert of_file["value"] == pytest.approx(of_folder["value"], rel=1e-6)
    for field in ("n_real", "protocol", "protocol_id", "references"):
        assert of_file[field] == of_folder[field], field
    every = score(file, outputs, "--protocol", "torch-fidelity", "--kid-subset-size", "3")
    assert every["n_real"] == 7


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one step on a data set with near-duplicates in each test folder, with their scores."""
    folder = tmp_path_factory.mktemp("near")
    for seed, split in ((200, "trainA"), (300, "trainB")):
        draw(folder / "datasets/cats" / split, seed, "a b c d e f")
    draw(folder / "datasets/cats/testA", 400, "a b bx c d e")
    draw(folder / "datasets/cats/testB", 500, "a b c cx cxx d")
    for seed in (0, 1):
        call_in(folder, "train", "cyclegan", "--dataset", "cats", "--seed", seed, *SMALL, *TINY)
    call_in(folder, "eval", *KID)
    return folder


def records(home: Path) -> list[dict[str, Any]]:
    printed = json.loads(call_in(home, "eval", *KID, "--json").stdout)
    assert isinstance(printed, list)
    return printed


def test_a_run_translates_all_test_images_and_is_scored_on_one_of_each_cluster(home: Path) -> None:
    numbers = {(r["direction"], r["n_fake"], r["n_real"], r["n_missing"]) for r in records(home)}
    assert numbers == {("A2B", 5, 4, 0), ("B2A", 4, 5, 0)}
    left_out = {r["direction"]: r["protocol"]["near_duplicates"] for r in records(home)}
    assert left_out == {"A2B": {"sources": 1, "references": 2}, "B2A": {"sources": 2, "references": 1}}
    for file in home.glob("results/cats/cyclegan/*/outputs/A2B/outputs.json"):
        assert {path.stem for path in file.parent.glob("*.png")} == {"a", "b", "bx", "c", "d", "e"}


def test_the_untouched_sources_and_training_images_are_as_many_as_the_outputs(home: Path) -> None:
    for row in ("identity", "real"):
        lines = map(json.loads, (home / f"results/cats/{row}/scores.jsonl").read_text().splitlines())
        numbers = {(r["direction"], r["n_fake"], r["n_real"]) for r in lines}
        assert numbers == {("A2B", 5, 4), ("B2A", 4, 5)}, row


def test_a_table_says_how_many_images_were_left_out(home: Path) -> None:
    printed = " ".join(call_in(home, "table", "--layout", "blocks").stdout.split())
    assert "cats A2B: 1 source and 2 references are left out, as near-duplicates of others." in printed
    table = json.loads(call_in(home, "table", "--format", "json").stdout)
    assert all("near_duplicates" not in protocol for protocol in table["protocols"].values())


def test_differences_are_over_the_scored_images(home: Path) -> None:
    lines = map(json.loads, (home / "results/cats/differences.jsonl").read_text().splitlines())
    assert {(r["direction"], r["n"], r["n_real"]) for r in lines} == {("A2B", 5, 4), ("B2A", 4, 5)}


def test_a_stored_difference_belongs_to_the_block_of_its_scores(home: Path) -> None:
    scores = {(r["direction"], r["sources"], r["references"]) for r in records(home)}
    lines = map(json.loads, (home / "results/cats/differences.jsonl").read_text().splitlines())
    assert {(r["direction"], r["sources"], r["references"]) for r in lines} == scores


def test_a_difference_over_all_references_is_made_again(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    shutil.copytree(home, folder)
    dataset_file = folder / "results/cats/dataset.json"
    dataset_file.write_text(dataset_file.read_text().replace(str(home), str(folder)))
    file = folder / "results/cats/differences.jsonl"
    (line, *_) = file.read_text().splitlines()
    before = json.loads(line) | {"n_real": 6}  # as versions wrote it that scored all images
    file.write_text(json.dumps(before) + "\n")
    records(folder)
    again = [json.loads(line) for line in file.read_text().splitlines()]
    assert [r["n_real"] for r in again if r["direction"] == before["direction"]] == [6, json.loads(line)["n_real"]]


def test_a_score_of_all_images_is_made_again(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "home")
    folder = tmp_path / "home"
    file = folder / "results/cats/dataset.json"
    file.write_text(file.read_text().replace(str(home), str(folder)))
    run = find_run(str(next(folder.glob("results/cats/cyclegan/*/config.json")).parent), folder / "results")
    lines = [json.loads(line) for line in run.scores_file.read_text().splitlines()]
    for record in lines:  # as versions wrote it that scored all images
        del record["protocol"]["near_duplicates"]
        record["value"] = 99.0
    run.scores_file.write_text("".join(json.dumps(record) + "\n" for record in lines))
    again = {r["direction"]: r["value"] for r in records(folder) if r["run"] == run.id}
    assert all(value != 99.0 for value in again.values())
    assert len(run.scores_file.read_text().splitlines()) == 4


def test_near_duplicates_among_training_images_are_drawn_anew_for_the_row_real(tmp_path: Path) -> None:
    for split, stems in (("testA", "a b c"), ("trainB", "a ax axx axxx axxxx axxxxx axxxxxx b"), ("testB", "a b c")):
        draw(tmp_path / "cats" / split, 10, stems)
    dataset = open_dataset(tmp_path / "cats")
    chosen = EvalSet(dataset, "A2B", Transform(32)).as_many_training_images
    assert sorted(path.stem == "b" for path in chosen) == [False, True]  # there are two different ones
    assert len(EvalSet(dataset, "A2B", Transform(32), one_per_cluster=False).as_many_training_images) == 3


def test_all_scenes_of_a_dial_are_scored(tmp_path: Path) -> None:
    dial = resolve("dial:size=32,test=4,train=1", tmp_path)
    scenes = dial.split("testA")
    shutil.copy(scenes[0], scenes[1])  # as if the same scene had been drawn twice
    assert EvalSet(dial, "A2B", Transform(32)).source_set.scored == tuple(scenes)
