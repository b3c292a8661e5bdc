"""A score belongs to the images that it was computed from: changed images make new scores."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import call_in, call_json, moved_copy
from drawn_images import draw_noise

from ugbench.analysis import differences
from ugbench.data.known_files import images_hash
from ugbench.runs.run import Run, find_run

SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "1"]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4", "--sample-every", "1000"]
KID = ["--metric", "kid", "--extractor", "random"]
CONTENT = ("sources", "references", "outputs")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step, another tool's outputs A2B, and the scores of both."""
    folder = tmp_path_factory.mktemp("made")
    for seed, split in enumerate(("trainA", "trainB", "testA", "testB")):
        draw_noise(folder / "datasets/cats" / split, seed, 4)
    draw_noise(folder / "outputs", 9, 4)
    call_in(folder, "train", "cyclegan", "--dataset", "cats", *SMALL, *TINY)
    call_in(folder, "import", folder / "outputs", "--as", "external", "--name", "acme", "--dataset", "cats")
    call_in(folder, "eval", *KID)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of `made`, whose dataset.json says where the images lie now."""
    return moved_copy(made, tmp_path / "home")


def evaluate(home: Path, *words: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What eval prints, by method and direction."""
    records = json.loads(call_in(home, "eval", *KID, *words, "--json").stdout)
    return {(record["method"], record["direction"]): record for record in records}


def stored(home: Path, row: str) -> dict[str, dict[str, Any]]:
    """The newest record of identity or real, by direction."""
    lines = (home / "results/cats" / row / "scores.jsonl").read_text().splitlines()
    return {record["direction"]: record for record in map(json.loads, lines)}


def run_of(home: Path) -> Run:
    (file,) = home.glob("results/cats/cyclegan/*/config.json")
    return find_run(str(file.parent), home / "results")


def replace_references(home: Path) -> None:
    draw_noise(home / "datasets/cats/testB", 77, 4)


def replace_sources(home: Path) -> None:
    draw_noise(home / "datasets/cats/testA", 78, 4)


def replace_sources_by_others(home: Path) -> None:
    sources = home / "datasets/cats/testA"
    replace_sources(home)
    for file in sources.glob("*.png"):
        file.rename(sources / f"new{file.name}")


def damage_the_note(home: Path) -> None:
    (run,) = home.glob("results/cats/external/*")
    (run / "outputs/A2B/outputs.json").write_text("{}")


def put_a_link(home: Path) -> None:
    (run,) = home.glob("results/cats/external/*")
    (run / "outputs/A2B/0.png").unlink()
    (run / "outputs/A2B/0.png").symlink_to(home / "outputs/0.png")


def replace_an_output(home: Path) -> None:
    shutil.copy(home / "outputs/0.png", run_of(home).outputs("A2B") / "1.png")


def add_a_reference(home: Path) -> None:
    shutil.copy(home / "outputs/0.png", home / "datasets/cats/testB/new.png")


def contents(home: Path, method: str = "cyclegan") -> tuple[str, str, str]:
    data = home / "datasets/cats"
    outputs = home / "outputs" if method == "acme" else run_of(home).outputs("A2B")
    folders = (data / "testA", data / "testB", outputs)
    return tuple(images_hash(sorted(folder.glob("*.png"))) for folder in folders)


def test_a_record_names_its_images_by_content(home: Path) -> None:
    records = evaluate(home)
    for method in ("cyclegan", "acme"):
        record = records[method, "A2B"]
        assert tuple(record[name] for name in CONTENT) == contents(home, method)
        assert record["n_missing"] == 0
    sources, references, _ = contents(home)
    floor, ceiling = stored(home, "identity")["A2B"], stored(home, "real")["A2B"]
    assert tuple(floor[name] for name in (*CONTENT, "n_missing")) == (sources, references, sources, 0)
    assert tuple(ceiling[name] for name in (*CONTENT[:2], "n_missing")) == (sources, references, None)
    assert ceiling["outputs"] == images_hash(sorted((home / "datasets/cats/trainB").glob("*.png")))
    assert json.loads((home / "results/cats/dataset.json").read_text())["images"] == {
        "testA": sources,
        "testB": references,
    }


def test_unchanged_images_are_not_scored_again(home: Path) -> None:
    before = {file: file.read_bytes() for file in home.glob("results/**/*.json*")}
    evaluate(home)
    assert {file: file.read_bytes() for file in home.glob("results/**/*.json*")} == before


@pytest.mark.parametrize("change", [replace_references, replace_sources, replace_an_output, add_a_reference])
def test_changed_images_are_scored_again_and_images_that_were_put_back_too(
    home: Path, change: Callable[[Path], None]
) -> None:
    run = run_of(home)
    before = evaluate(home, run.id)["cyclegan", "A2B"]
    shutil.copytree(home / "datasets", home / "kept")
    shutil.copytree(run.all_outputs, home / "kept outputs")
    change(home)
    after = evaluate(home, run.id)["cyclegan", "A2B"]
    assert after["value"] != before["value"]
    assert tuple(after[name] for name in CONTENT) == contents(home)
    assert evaluate(home, run.id)["cyclegan", "A2B"] == after
    for folder, kept in ((home / "datasets", home / "kept"), (run.all_outputs, home / "kept outputs")):
        shutil.rmtree(folder)
        kept.rename(folder)
    assert evaluate(home, run.id)["cyclegan", "A2B"] == before
    records = map(json.loads, run.scores_file.read_text().splitlines())
    assert [record["value"] for record in records if record["direction"] == "A2B"] == [
        before["value"],
        after["value"],
        before["value"],
    ]


@pytest.mark.parametrize(
    ("change", "rows"), [(replace_references, ("identity", "real")), (replace_sources, ("identity",))]
)
def test_identity_and_real_are_scored_again_as_well(
    home: Path, change: Callable[[Path], None], rows: tuple[str, ...]
) -> None:
    before = {row: stored(home, row)["A2B"]["value"] for row in rows}
    change(home)
    evaluate(home, run_of(home).id)
    for row in rows:
        assert stored(home, row)["A2B"]["value"] != before[row]
        assert stored(home, row)["A2B"]["sources"] == contents(home)[0]


def test_outputs_are_made_again_of_new_sources(home: Path) -> None:
    outputs = run_of(home).outputs("A2B")
    before = (outputs / "0.png").read_bytes()
    replace_sources(home)
    shutil.rmtree(home / "results/cats/external")
    said = call_in(home, "report", "--output", home / "a.html").stderr
    assert f"run `ugbench eval {run_of(home).id}` to make them again" in said
    evaluate(home, run_of(home).id)
    assert (outputs / "0.png").read_bytes() != before
    assert "were made of other images" not in call_in(home, "report", "--output", home / "b.html").stderr


def test_a_run_of_another_tool_is_left_out_after_its_sources_changed_until_it_is_imported_again(home: Path) -> None:
    replace_sources(home)
    result = call_in(home, "eval", *KID, "--json")
    assert {record["method"] for record in json.loads(result.stdout)} == {"cyclegan"}
    assert "(acme) is left out: outputs A2B of run" in result.stderr
    assert "import them again, or put the images back." in result.stderr
    (run,) = home.glob("results/cats/external/*")
    error = call_in(home, "eval", run, *KID, code=2).stderr
    assert error.count("were made of other images than those now in") == 2
    call_in(home, "import", home / "outputs", "--as", "external", "--name", "acme", "--dataset", "cats")
    assert ("acme", "A2B") in evaluate(home)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (replace_sources_by_others, "were made of other images than those now in"),
        (damage_the_note, "outputs.json names no step and sources; to fix this, remove it"),
        (put_a_link, "0.png is a link, and links under a results folder are not followed"),
    ],
)
def test_a_bad_run_keeps_no_other_run_of_its_data_set_from_being_scored(
    home: Path, change: Callable[[Path], None], sentence: str
) -> None:
    change(home)
    replace_references(home)  # so that scores and differences are due
    for words in ([run_of(home).id], []):
        result = call_in(home, "eval", *words, *KID, "--json")
        assert {record["method"] for record in json.loads(result.stdout)} == {"cyclegan"}
        (line,) = [line for line in result.stderr.splitlines() if sentence in line]
        assert "(acme) is left out: " in line
    (bad,) = home.glob("results/cats/external/*")
    assert sentence in call_in(home, "eval", bad, *KID, code=2).stderr


def test_a_run_of_another_tool_is_scored_again_if_only_the_references_changed(home: Path) -> None:
    before = evaluate(home)["acme", "A2B"]["value"]
    replace_references(home)
    assert evaluate(home)["acme", "A2B"]["value"] != before


def test_records_of_an_older_version_are_read_and_computed_again(home: Path) -> None:
    scores = run_of(home).scores_file
    lines = [json.loads(line) for line in scores.read_text().splitlines()]
    old = [{name: value for name, value in line.items() if name not in (*CONTENT, "n_missing")} for line in lines]
    scores.write_text("".join(json.dumps(line) + "\n" for line in old))
    table = json.loads(call_in(home, "table", "--json").stdout)
    assert any("an older version scored them" in note for note in table["notes"])
    evaluate(home)
    records = [json.loads(line) for line in scores.read_text().splitlines()]
    assert records[len(old) :] == lines


def test_the_table_keeps_old_and_new_images_apart(home: Path) -> None:
    before = evaluate(home)
    replace_references(home)
    after = evaluate(home)
    text = call_in(home, "table", "--metric", "kid").stdout
    assert "cats A2B, current images" in text and "cats A2B, earlier images" in text
    rows = json.loads(call_in(home, "table", "--json").stdout)["rows"]
    values = {
        row["images"]["is_current"]: row["cells"]["kid"]["value"]
        for row in rows
        if (row["method"], row["direction"]) == ("cyclegan", "A2B")
    }
    assert values == {True: after["cyclegan", "A2B"]["value"], False: before["cyclegan", "A2B"]["value"]}


def test_differences_are_of_the_images_too(home: Path) -> None:
    file = home / "results/cats/differences.jsonl"
    (first,) = differences.read(file)
    assert (first.sources, first.references) == contents(home)[:2]
    evaluate(home)
    assert list(differences.read(file)) == [first]
    replace_references(home)
    evaluate(home)
    _, second = differences.read(file)
    assert (second.sources, second.references) == contents(home)[:2]
    assert second.value != first.value


def test_plain_folders_name_their_images_and_the_missing_ones(home: Path) -> None:
    data = home / "datasets/cats"
    (home / "outputs/3.png").unlink()
    words = ["eval", "--real", data / "testB", "--fake", home / "outputs", *KID, "--device", "cpu"]
    (alone,) = call_json(*words)
    (with_sources,) = call_json(*words, "--source", data / "testA")
    hashes = [images_hash(sorted(f.glob("*.png"))) for f in (data / "testA", data / "testB", home / "outputs")]
    assert [alone[name] for name in (*CONTENT, "n_missing")] == [None, *hashes[1:], None]
    assert [with_sources[name] for name in (*CONTENT, "n_missing")] == [*hashes, 1]
