"""A method with a style from training to tables: one style for each image, and all that is shown says so."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call, call_in, moved_copy
from drawn_images import draw_noise
from styled_method import Styled, styled_is_installed
from typer.testing import Result

from ugbench.analysis import differences
from ugbench.data.styles import draw_styles
from ugbench.data.tensors import load_images, to_float, to_uint8
from ugbench.inference.translate import load
from ugbench.runs.run import Run, dataset_of, find_run
from ugbench.runs.stored_outputs import are_stored, outputs_of

SMALL = [
    *("--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "2", "--sample-every", "1000"),
    *("--precision", "fp32"),  # as the expected outputs below are computed
]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4"]
KID = ["--metric", "kid", "--extractor", "random"]
NOTE = "styled: one style per image, drawn at random (seed 0)."
IMAGES = 4
EXAMPLE = "datasets/cats/testB/1.png"


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    with styled_is_installed():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `styled` with checkpoints of the steps 1 and 2, a run of a method without a style, and their scores."""
    folder = tmp_path_factory.mktemp("made")
    for seed, split in enumerate(("trainA", "trainB", "testA", "testB")):
        draw_noise(folder / "datasets/cats" / split, seed, IMAGES)
    call_in(folder, "train", "styled", "--dataset", "cats", *SMALL, "--save-every", "1", "--keep", "all")
    call_in(folder, "train", "cyclegan", "--dataset", "cats", *SMALL, *TINY)
    call_in(folder, "eval", *KID)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of `made`, whose dataset.json says where the images lie now."""
    return moved_copy(made, tmp_path / "home")


def run_of(home: Path, method: str = "styled") -> Run:
    (folder,) = home.glob(f"results/cats/{method}/*")
    return find_run(str(folder), home / "results")


def evaluate(home: Path, *words: str) -> list[dict[str, Any]]:
    return json.loads(call_in(home, "eval", *KID, *words, "--json").stdout)


def contents(run: Run) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in run.outputs("A2B").iterdir()}


def forget_codes(scores: Path) -> None:
    lines = [json.loads(line) for line in scores.read_text().splitlines()]
    old = [{name: value for name, value in line.items() if name != "codes_per_image"} for line in lines]
    scores.write_text("".join(json.dumps(line) + "\n" for line in old))


def forget_styles(run: Run) -> None:
    """Make outputs and scores look as an older version left them, which drew one style for all images."""
    for direction in ("A2B", "B2A"):
        note = json.loads(run.outputs_note(direction).read_text())
        assert note.pop("codes_per_image") == 1
        run.outputs_note(direction).write_text(json.dumps(note))
        first = sorted(run.outputs(direction).glob("*.png"))[0]
        for file in run.outputs(direction).glob("*.png"):
            file.write_bytes(first.read_bytes())
    forget_codes(run.scores_file)


def test_outputs_for_scores_have_the_styles_of_seed_0(made: Path) -> None:
    run = run_of(made)
    sources = sorted((made / "datasets/cats/testA").iterdir())
    method, _ = load(run, torch.device("cpu"))
    styles = draw_styles(3, range(IMAGES))[:, 0]
    expected = to_uint8(method.translate(to_float(load_images(sources, 32)), "A2B", styles))
    outputs = load_images([run.outputs("A2B") / f"{file.stem}.png" for file in sources], 32)
    assert outputs.equal(expected)


def test_scores_say_how_many_styles_each_image_got(made: Path) -> None:
    codes = {record["method"]: record["codes_per_image"] for record in evaluate(made)}
    assert codes == {"styled": 1, "cyclegan": None}
    for row in ("identity", "real"):
        lines = (made / "results/cats" / row / "scores.jsonl").read_text().splitlines()
        assert {json.loads(line)["codes_per_image"] for line in lines} == {None}


def test_methods_with_and_without_a_style_share_a_column_and_a_note_tells_them_apart(made: Path) -> None:
    table = json.loads(call_in(made, "table", "--format", "json").stdout)
    cells = {row["method"]: row["cells"] for row in table["rows"] if row["direction"] == "A2B"}
    assert set(cells["styled"]) == set(cells["cyclegan"]) == {"kid"}
    assert (cells["styled"]["kid"]["codes_per_image"], cells["cyclegan"]["kid"]["codes_per_image"]) == (1, None)
    assert table["notes"].count(NOTE) == 1


@pytest.mark.parametrize("format", ["terminal", "md", "latex", "html"])
def test_every_readable_table_has_the_note(made: Path, format: str) -> None:
    assert NOTE in " ".join(call_in(made, "table", "--format", format).stdout.split())


def test_csv_has_a_column_for_it_if_a_method_has_a_style(made: Path, home: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(call_in(made, "table", "--format", "csv").stdout)))
    assert {row["method"]: row["codes_per_image"] for row in rows if row["direction"] == "A2B"} == {
        "identity": "",
        "cyclegan": "",
        "styled": "1",
        "real": "",
    }
    shutil.rmtree(run_of(home).path)
    assert "codes_per_image" not in call_in(home, "table", "--format", "csv").stdout


def test_the_report_has_the_note(made: Path, tmp_path: Path) -> None:
    call_in(made, "report", "--output", tmp_path / "report.html")
    assert NOTE in (tmp_path / "report.html").read_text()


def test_outputs_with_one_style_for_all_images_are_made_and_scored_again(home: Path) -> None:
    run = run_of(home)
    before, scores = contents(run), evaluate(home)
    forget_styles(run)
    assert contents(run) != before
    assert evaluate(home) == scores
    assert contents(run) == before


def test_differences_are_of_outputs_with_a_style_for_each_image_only(home: Path) -> None:
    runs, file = [run_of(home), run_of(home, "cyclegan")], home / "results/cats/differences.jsonl"
    dataset = dataset_of(runs[0])
    assert all(are_stored(run, dataset, "A2B", outputs_of(run, dataset, "A2B")) for run in runs)
    evaluate(home)
    assert len(list(differences.read(file))) == 2  # one for each direction
    forget_styles(runs[0])
    stored = [are_stored(run, dataset, "A2B", outputs_of(run, dataset, "A2B")) for run in runs]
    assert stored == [False, True]


def test_scores_of_other_checkpoints_than_that_of_the_outputs_are_computed_again_too(home: Path) -> None:
    run = run_of(home)
    scores = evaluate(home, str(run.path), "--checkpoints", "all")
    assert {score["step"] for score in scores} == {1, 2}
    forget_styles(run)
    assert evaluate(home, str(run.path), "--checkpoints", "all") == scores


def test_outputs_of_a_method_without_a_style_are_not_made_again(home: Path) -> None:
    run = run_of(home, "cyclegan")
    assert set(json.loads(run.outputs_note("A2B").read_text())) == {"step", "sources"}
    before = {file: file.stat().st_mtime_ns for file in run.outputs("A2B").iterdir()}
    # As an older version left them: without a word on styles.
    description = json.loads(run.method_file.read_text())
    assert description.pop("style_dim") == 0
    run.method_file.write_text(json.dumps(description))
    forget_codes(run.scores_file)
    count = len(run.scores_file.read_text().splitlines())
    evaluate(home)
    assert {file: file.stat().st_mtime_ns for file in run.outputs("A2B").iterdir()} == before
    assert len(run.scores_file.read_text().splitlines()) == count


def test_method_json_says_how_long_a_style_is_and_is_read_without_it(home: Path) -> None:
    run = run_of(home)
    description = json.loads(run.method_file.read_text())
    assert description.pop("style_dim") == 3
    run.method_file.write_text(json.dumps(description))
    forget_styles(run)
    assert {score["codes_per_image"] for score in evaluate(home, str(run.path))} == {1}
    assert json.loads(run.outputs_note("A2B").read_text())["codes_per_image"] == 1


def translate(run: Run, source: Path, output: Path, *words: object, code: int = 0) -> Result:
    return call(
        "translate", run.path, "--input", source, "--output", output, "--device", "cpu", *words, "--json", code=code
    )


def test_a_style_of_a_wrong_length_leaves_no_run_behind(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Styled, "encode_style", lambda method, x, _direction: method.encoder(x.mean((2, 3)))[:, :, None]
    )
    words = ["--dataset", "cats", "--preset", "smoke", "--steps", "5"]
    before = set((made / "results/cats/styled").iterdir())
    error = call_in(made, "train", "styled", *words, code=1).stderr
    assert (
        "encode_style(A2B) of the method makes (1, 3, 1) of (1, 3, 32, 32); it must be (1, 3), with style_dim 3."
        in error
    )
    assert set((made / "results/cats/styled").iterdir()) == before


def test_translate_draws_samples_and_says_from_which_seed(made: Path, tmp_path: Path) -> None:
    run, source = run_of(made), made / "datasets/cats/testA"
    outputs = {}
    for name, words in {"plain": [], "three": ["--samples", "3"], "other": ["--seed", "5"]}.items():
        report = json.loads(translate(run, source, tmp_path / name, *words).stdout)
        note = json.loads((tmp_path / name / "translation.json").read_text())
        outputs[name] = {file.name: file.read_bytes() for file in (tmp_path / name).glob("*.png")}
        for said in (report, note):
            assert (said["style_seed"], said["samples"]) == (5 if name == "other" else 0, 3 if name == "three" else 1)
    assert outputs["plain"] == {name: data for name, data in contents(run).items() if name.endswith(".png")}
    assert {f"{Path(name).stem}.0.png": data for name, data in outputs["plain"].items()}.items() <= (
        outputs["three"].items()
    )
    assert len(outputs["three"]) == 3 * IMAGES
    assert not set(outputs["other"].values()) & set(outputs["plain"].values())


def test_translate_takes_the_style_of_an_image(made: Path, tmp_path: Path) -> None:
    run, data = run_of(made), made / "datasets/cats"
    example = data / "testB/1.png"
    translate(run, data / "testA", tmp_path / "out", "--style", example)
    note = json.loads((tmp_path / "out/translation.json").read_text())
    assert note["style_image"] == "1.png" and "style_seed" not in note
    method, _ = load(run, torch.device("cpu"))
    style = method.encode_style(to_float(load_images([example], 32)), "A2B")
    sources = sorted((data / "testA").iterdir())
    expected = to_uint8(method.translate(to_float(load_images(sources, 32)), "A2B", style.expand(IMAGES, -1)))
    assert load_images([tmp_path / "out" / file.name for file in sources], 32).equal(expected)


def test_the_example_is_never_replaced(made: Path, tmp_path: Path) -> None:
    run, source, out = run_of(made), made / "datasets/cats/testA", tmp_path / "out"
    translate(run, source, out)
    before = (out / "1.png").read_bytes()
    error = translate(run, source, out, "--style", out / "1.png", code=2).stderr
    assert "where the inputs are; name another folder" in error
    assert (out / "1.png").read_bytes() == before


@pytest.mark.parametrize(
    ("method", "words", "says"),
    [
        ("cyclegan", ["--samples", "2"], "--samples 2: cyclegan makes one output for each image; leave it out."),
        ("cyclegan", ["--style", EXAMPLE], f"--style {EXAMPLE}: cyclegan makes one output for each image; leave it"),
        ("styled", ["--style", "x.png"], "--style x.png: there is no such file; name an image of domain B."),
        ("styled", ["--style", "results/note.txt"], "results/note.txt: not a readable image"),
        ("styled", ["--style", "datasets"], "--style datasets: that is a folder; name a file."),
    ],
)
def test_options_that_do_not_fit_are_one_sentence_and_write_nothing(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, words: list[str], says: str
) -> None:
    monkeypatch.chdir(made)
    Path("results/note.txt").write_text("no image")
    result = translate(run_of(made, method), made / "datasets/cats/testA", tmp_path / "out", *words, code=2)
    assert f"error: {says}" in result.stderr
    assert not (tmp_path / "out").exists()
