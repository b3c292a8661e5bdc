"""Names that are not UTF-8, of images and of a data set's folder: every command takes them, every output keeps them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import call, call_json
from PIL import Image

from ugbench.file_names import readable

FOLDER = b"caf\xe9 \xc3\xa9"
IMAGES = [b"\xff0.png", b"na\xc3\xafve.png"]  # the second one is UTF-8, which a C locale does not show
SMOKE = ("--preset", "smoke", "--size", 32, "--steps", 1, "--batch-size", 1, "--device", "cpu", "--skip-bad")
EVAL = ("--metric", "kid", "--extractor", "random")


def make_data(root: Path) -> Path:
    folder = root / os.fsdecode(FOLDER)
    random = np.random.default_rng(0)
    for split in ("trainA", "trainB", "testA", "testB"):
        (folder / split).mkdir(parents=True)
        for name in IMAGES:
            pixels = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / split / os.fsdecode(name))
    (folder / "trainB" / os.fsdecode(b"bad\xe9.png")).write_text("no image")
    return folder


def names_in(folder: Path) -> list[bytes]:
    return sorted(os.fsencode(path.name) for path in folder.glob("*.png"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, and a run that was trained on it and scored."""
    home = tmp_path_factory.mktemp("names")
    data = make_data(home / "data")
    call("train", "cyclegan", "--dataset", data, "--results", home / "results", *SMOKE)
    call("eval", *EVAL, "--results", home / "results", "--cache", home / "cache")
    return home


def run_of(home: Path) -> Path:
    (config,) = (home / "results").glob("*/cyclegan/*/config.json")
    return config.parent


def test_a_run_keeps_the_names_of_its_images(home: Path) -> None:
    run = run_of(home)
    assert os.fsencode(run.parent.parent.name) == b"caf%E9 \xc3\xa9"
    record = json.loads((run / "config.json").read_text(encoding="utf-8"))["dataset"]
    assert record["skipped"] == ["trainB/bad\udce9.png"]
    assert os.fsencode(record["root"]) == os.fsencode(home / "data") + b"/" + FOLDER
    assert names_in(run / "outputs" / "A2B") == IMAGES[1:] + IMAGES[:1] == sorted(IMAGES)


def test_training_again_finds_the_run(home: Path) -> None:
    data = home / "data" / os.fsdecode(FOLDER)
    words = ("train", "cyclegan", "--dataset", data, "--results", home / "results", *SMOKE)
    result = call(*words, "--json")
    assert json.loads(result.stdout)["id"] == json.loads((run_of(home) / "config.json").read_text())["id"]
    assert "done before" in result.stderr
    assert "trainB/bad%E9.png is skipped: " in result.stderr


def test_translated_and_imported_files_keep_their_names(home: Path, tmp_path: Path) -> None:
    data, output = home / "data" / os.fsdecode(FOLDER), tmp_path / os.fsdecode(b"out\xe9")
    call("translate", run_of(home), "--input", data / "testA", "--output", output, "--device", "cpu")
    assert names_in(output) == sorted(IMAGES)
    words = ("import", output, "--as", "external", "--name", "tool", "--dataset", data, "--results", tmp_path / "r")
    report = call_json(*words)
    assert report["outputs"]["A2B"]["images"] == 2
    assert names_in(Path(report["run"]) / "outputs" / "A2B") == sorted(IMAGES)
    stored = json.loads((Path(report["run"]) / "config.json").read_text(encoding="utf-8"))
    assert sorted(os.fsencode(name) for name in stored["origin"]["files"]) == [
        b"A2B/" + name for name in sorted(IMAGES)
    ]
    (record,) = call_json("eval", "--real", data / "testB", "--fake", output, *EVAL, "--cache", home / "cache")
    assert [record[field].split("-")[-2] for field in ("method", "dataset")] == ["out%E9", "testB"]


@pytest.mark.parametrize("format_", ["terminal", "md", "latex", "csv", "html", "json"])
def test_every_table_names_the_data_set(home: Path, tmp_path: Path, format_: str) -> None:
    words = ("table", "--format", format_, "--dataset", os.fsdecode(FOLDER), "--results", home / "results")
    assert ("cyclegan" if format_ in ("csv", "json") else "CycleGAN") in call(*words).stdout
    call(*words, "--output", tmp_path / "table")
    text = (tmp_path / "table").read_text(encoding="utf-8")
    assert ("caf\\%E9 \\'{e}" if format_ == "latex" else "caf%E9 é") in text


def test_report_and_figures_are_valid_and_name_the_images(home: Path, tmp_path: Path) -> None:
    results = ("--results", home / "results")
    call("report", "--output", tmp_path / os.fsdecode(b"r\xe9.html"), *results)
    assert "caf%E9 é" in (tmp_path / os.fsdecode(b"r\xe9.html")).read_text(encoding="utf-8")
    call("figure", "comparison", "--output", tmp_path / "x.png", *results)
    neighbours = call_json("neighbours", run_of(home), "--extractor", "random", "--cache", home / "cache", *results)
    assert {os.fsencode(Path(pair["output"]).name) for pair in neighbours} == set(IMAGES)
    assert "caf%E9" in call("runs", *results).stdout


def test_a_name_as_tables_show_it_finds_the_data_set(home: Path) -> None:
    checked = call_json_with_code("data", "check", "caf%E9 é", "--data-root", home / "data", code=1)
    assert os.fsencode(checked["root"]).endswith(FOLDER)
    (unreadable,) = [finding for finding in checked["findings"] if finding["kind"] == "unreadable"]
    assert unreadable["files"] == ["trainB/bad\udce9.png"]


def call_json_with_code(*words: object, code: int) -> dict[str, object]:
    content: dict[str, object] = json.loads(call(*words, "--json", code=code).stdout)
    return content


def test_a_results_folder_that_is_not_utf8_is_refused_at_once(tmp_path: Path) -> None:
    result = call("runs", "--results", tmp_path / os.fsdecode(b"r\xe9"), code=2)
    assert "r%E9: weights and logs need a path that is UTF-8; name another folder." in result.stderr


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, C_LOCALE])
def test_a_c_locale_changes_neither_ids_nor_names(home: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    def ugbench(*words: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "ugbench", *map(os.fsencode, map(str, words))]
        environment = {**os.environ, **variables}
        return subprocess.run(command, capture_output=True, check=False, env=environment, timeout=300)

    data = home / "data" / os.fsdecode(FOLDER)
    trained = ugbench("train", "cyclegan", "--dataset", data, "--results", home / "results", *SMOKE, "--json")
    assert (trained.returncode, b"done before" in trained.stderr) == (0, True), trained.stderr
    assert Path(json.loads(trained.stdout)["run"]) == run_of(home)
    output = tmp_path / "out"
    translated = ugbench("translate", run_of(home), "--input", data / "testA", "--output", output, "--device", "cpu")
    assert (translated.returncode, names_in(output)) == (0, sorted(IMAGES)), translated.stderr
    checked = ugbench("data", "check", data, "--json")
    assert (checked.returncode, json.loads(checked.stdout)["name"]) == (1, readable(data.name))
    shown = ugbench("data", "check", data)
    assert (shown.returncode, b"bad%E9.png" in shown.stdout) == (1, True), shown.stderr
