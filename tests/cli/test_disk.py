"""A place that cannot be written gives one sentence, and scores that were computed are shown all the same."""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import call, call_in

from ugbench.report import html_page
from ugbench.runs import jsonl
from ugbench.runs.run import Run, list_runs
from ugbench.scoring import record as score_record

DIAL = "dial:size=32,train=4,test=3"
TRAIN = ["train", "cyclegan", "--dataset", DIAL, "--preset", "smoke", "--size", "32", "--batch-size", "1"]
TRAIN += ["--set", "channels=4,blocks=1,discriminator_channels=4", "--log-every", "1", "--steps", "2"]
NOWHERE = "/proc/nowhere"  # no user can make a file or a folder there
FULL = "/dev/full"  # a device on which every write finds the disk full


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of different seeds that were trained, and scored with one metric."""
    folder = tmp_path_factory.mktemp("trained")
    for seed in (0, 1):
        call_in(folder, *TRAIN, "--seed", seed)
    call_in(folder, "eval", "--metric", "changed")
    return folder


@pytest.fixture
def home(tmp_path: Path, trained: Path) -> Path:
    """A copy of that folder, whose runs still find their data."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


def runs(home: Path) -> list[Run]:
    return list_runs(home / "results")


def one_sentence(stderr: str) -> str:
    """The last line of stderr, which must be the only error."""
    errors = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert stderr.splitlines()[-1:] == errors
    return errors[0]


@pytest.mark.parametrize("place", [f"{NOWHERE}/results", f"{FULL}/results"])
@pytest.mark.parametrize("command", ["train", "import", "compare", "vote"])
def test_a_results_folder_that_cannot_be_made_is_named(trained: Path, command: str, place: str) -> None:
    data = next((trained / "datasets").iterdir())
    words = {
        "train": TRAIN,
        "import": [
            "import",
            data / "testB",
            "--as",
            "external",
            "--name",
            "o",
            "--dataset",
            data,
            "--direction",
            "A2B",
        ],
        "compare": ["compare", "--methods", "cyclegan", "--dataset", data, "--preset", "smoke", "--metric", "changed"],
        "vote": ["vote", "--methods", "a,b", "--dataset", data],
    }[command]
    result = call_in_results(trained, place, *words)
    assert result.exit_code in (1, 2)
    assert place.rpartition("/")[0] in one_sentence(result.stderr)


def call_in_results(home: Path, results: str, *words: object) -> Any:
    from commands import invoke

    place = ["--results", results, "--data-root", home / "datasets", "--device", "cpu"]
    return invoke(*words, *place)


@pytest.mark.parametrize("output", [NOWHERE, FULL])
@pytest.mark.parametrize("command", ["translate", "table", "report", "eval", "data make", "figure", "export"])
def test_an_output_that_cannot_be_written_is_named(trained: Path, command: str, output: str) -> None:
    data = next((trained / "datasets").iterdir())
    run = runs(trained)[0].id
    if command in ("figure", "export"):  # whose files have a suffix
        output = f"{output}/in/x.png" if command == "figure" else f"{output}/in/x.safetensors"
    words: list[object] = {
        "translate": ["translate", run, "--input", data / "testA"],
        "table": ["table"],
        "report": ["report"],
        "eval": [
            "eval",
            "--real",
            data / "testA",
            "--fake",
            data / "testB",
            "--metric",
            "kid",
            "--extractor",
            "random",
        ],
        "data make": ["data", "make", "dial:size=16,train=2,test=2"],
        "figure": ["figure", "losses"],
        "export": ["export", run],
    }[command]
    result = call_in_results(trained, str(trained / "results"), *words, "--output", output)
    assert result.exit_code in (1, 2)
    assert output.partition("/in/")[0] in one_sentence(result.stderr)
    if command == "eval" and output == NOWHERE:
        assert "kid" in result.stdout, "the score was computed, and is shown"


def test_an_output_that_fails_leaves_the_older_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, table = home / "report.html", home / "table.md"
    for file in (page, table):
        file.write_text("older")
    real = Path.write_text

    def write_half(path: Path, text: str, **options: Any) -> int:
        real(path, text[: len(text) // 2], **options)
        raise OSError(28, "No space left on device")

    pieces = html_page._pieces

    def half_of_the_pieces(*options: Any) -> Iterator[str]:
        yield from itertools.islice(pieces(*options), 20)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    monkeypatch.setattr(html_page, "_pieces", half_of_the_pieces)  # the report is written piece by piece
    for words in (["report", "--output", page], ["table", "--output", table]):
        result = call_in(home, *words, code=1)
        assert f"error: {words[-1]} could not be written (No space left on device); " in result.stderr
    assert page.read_text() == table.read_text() == "older"
    assert sorted(path.name for path in home.iterdir() if path.is_file()) == ["report.html", "table.md"]


def test_an_output_through_a_link_keeps_the_link_and_its_mode(home: Path) -> None:
    target, link = home / "page.md", home / "link.md"
    target.write_text("older")
    target.chmod(0o600)
    link.symlink_to(target)
    call_in(home, "table", "--output", link)
    assert link.is_symlink() and "CycleGAN" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o600


UNCHANGED = ["eval", "--metric", "unchanged", "--json"]


def test_scores_that_could_not_be_stored_are_printed_and_the_other_runs_are_scored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = json.loads(call_in(home, *UNCHANGED).stdout)
    for run in runs(home):
        shutil.copyfile(run.scores_file, home / f"{run.id}.jsonl")
    first, second = runs(home)
    for file in (home / "results").rglob("scores.jsonl"):
        lines = [line for line in file.read_text().splitlines(keepends=True) if '"unchanged"' not in line]
        file.write_text("".join(lines))
    before = first.scores_file.read_bytes()
    real = jsonl.append

    def append(file: Path, records: Any) -> None:
        """Append, where the first run's file may grow by half a line only."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if file == first.scores_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 100, hard))
        try:
            real(file, records)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    monkeypatch.setattr(score_record.jsonl, "append", append)
    result = call_in(home, *UNCHANGED, code=1)
    assert json.loads(result.stdout) == expected
    sentence = one_sentence(result.stderr)
    assert sentence.startswith(f"error: {first.scores_file} could not be written (File too large); ")
    assert first.scores_file.read_bytes() == before, "half a line would make the file unreadable"
    assert second.scores_file.read_bytes() == (home / f"{second.id}.jsonl").read_bytes()


def test_outputs_that_could_not_be_written_leave_the_other_runs_to_be_scored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = runs(home)
    shutil.rmtree(first.all_outputs)
    first.all_outputs.write_text("a file where a folder belongs")
    result = call_in(home, *UNCHANGED, code=1)
    assert {score["run"] for score in json.loads(result.stdout)} == {second.id}
    assert one_sentence(result.stderr).startswith(f"error: {first.outputs('A2B')} could not be written (")


def test_a_side_file_of_scores_that_could_not_be_written_costs_no_score(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in runs(home):
        shutil.rmtree(run.single, ignore_errors=True)
        run.single.write_text("a file where a folder belongs")
    result = call_in(home, "eval", "--metric", "kid", "--extractor", "random", "--json", code=1)
    assert {score["run"] for score in json.loads(result.stdout)} == {run.id for run in runs(home)}
    assert str(runs(home)[0].single) in one_sentence(result.stderr)
    for run in runs(home):
        assert [r.metric for r in score_record.read(run.scores_file)].count("kid") == 2


def limited(words: list[object], most_bytes: int) -> subprocess.CompletedProcess[str]:
    """Run a command that may write no file of more than this many bytes."""
    return subprocess.run(
        [sys.executable, "-m", "ugbench", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )


@pytest.mark.parametrize("most_bytes", [0, 2_000, 20_000])
def test_a_training_that_finds_the_disk_full_says_so_once_and_goes_on_later(trained: Path, most_bytes: int) -> None:
    words = [*TRAIN, "--seed", 100 + most_bytes, "--results", trained / "results"]
    words += ["--data-root", trained / "datasets", "--device", "cpu"]
    result = limited(words, most_bytes)
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "could not be written (" in one_sentence(result.stderr)
    call(*words)


def test_a_full_stdout_is_one_sentence(trained: Path) -> None:
    words = [sys.executable, "-m", "ugbench", "table", "--results", str(trained / "results")]
    with Path(FULL).open("w") as full:
        result = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert "No space left on device" in one_sentence(result.stderr)
