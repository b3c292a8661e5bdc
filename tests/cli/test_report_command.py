"""`ugbench report`: where the page goes, what is refused and in which words."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

from ugbench.cli.report import report
from ugbench.report.gallery_rows import IMAGES

Run = Callable[..., Result]


@pytest.fixture
def results(ugbench: Run, tmp_path: Path) -> Path:
    """Another tool's outputs on two test images: a run without weights."""
    for folder, level in (("data/pets/testA", 0), ("data/pets/testB", 100), ("made", 50)):
        for place in range(2):
            file = tmp_path / folder / f"{place}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 32), (level + place,) * 3).save(file)
    where = ["--dataset", tmp_path / "data" / "pets", "--results", tmp_path / "results"]
    made = ugbench("import", tmp_path / "made", "--as", "external", "--name", "mine", "--direction", "A2B", *where)
    assert made.exit_code == 0, made.stderr
    return tmp_path / "results"


def test_the_page_goes_where_it_is_told_and_its_size_is_said(ugbench: Run, results: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    done = ugbench("report", "--results", results, "--output", file, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"report": str(file), "bytes": file.stat().st_size}
    assert f"written to {file} (0.0 MB)" in done.stderr
    text = file.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.count("data:image/webp;base64,") == 4


def test_the_page_has_the_title_and_the_number_of_images_that_are_asked_for(
    ugbench: Run, results: Path, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    words = ["--results", results, "--output", file, "--title", "Pets & <others>"]
    assert ugbench("report", *words, "--images", "1").exit_code == 0
    text = file.read_text(encoding="utf-8")
    assert "<h1>Pets &amp; &lt;others&gt;</h1>" in text and text.count("data:image/webp;base64,") == 2
    assert (
        "1 of 2 images are shown: evenly spread over the sorted names; `ugbench report --images 2` shows all." in text
    )
    assert ugbench("report", *words, "--images", "0").exit_code == 2


def test_the_default_number_of_images_is_that_of_the_package() -> None:
    assert inspect.signature(report).parameters["images"].default == IMAGES


def test_it_is_report_html_where_nothing_is_said(
    ugbench: Run, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ugbench("report", "--results", results).stdout == ""
    assert (tmp_path / "report.html").is_file()


def test_a_data_set_that_is_gone_is_said_and_the_page_written(ugbench: Run, results: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "pets").rename(tmp_path / "elsewhere")
    done = ugbench("report", "--results", results, "--output", tmp_path / "page.html")
    assert done.exit_code == 0
    assert "Sources are not shown: " in done.stderr and "put the data set back there" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--results", "{home}/none"],
            "error: --results {home}/none: there is no such folder; name the one that",
        ),
        (["--dataset", "cats"], "error: --dataset cats: no runs of it under {home}/results, only of pets."),
        (["--output", "{home}"], "error: --output {home}: that is a folder; name a file."),
        (
            ["--output", "{home}/made/0.png/page.html"],
            "error: --output {home}/made/0.png/page.html: {home}/made/0.png is a file, not a folder; name another",
        ),
    ],
)
def test_a_wrong_call_is_one_sentence(
    ugbench: Run, results: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    given = ["--results", str(results), *(word.format(home=tmp_path) for word in words)]
    refused = ugbench("report", *given)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(sentence.format(home=tmp_path))
    assert refused.stderr.count("\n") == 1


def test_a_damaged_output_is_named(ugbench: Run, results: Path, tmp_path: Path) -> None:
    (output,) = results.glob("*/external/*/outputs/A2B/1.png")
    output.write_bytes(output.read_bytes()[:40])
    refused = ugbench("report", "--results", results, "--output", tmp_path / "page.html")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: ") and "1.png: not a readable image" in refused.stderr
    assert not (tmp_path / "page.html").exists()
