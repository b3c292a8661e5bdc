"""A file under a results folder that is not what it should be is one sentence, soon and in little memory."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ugbench.analysis import differences
from ugbench.cli.parse import parse_seeds
from ugbench.data.datasets import open_dataset
from ugbench.errors import UgbenchError, UsageError
from ugbench.imports.tensorflow_bundle import FOOTER, MAGIC, read_bundle
from ugbench.inference import translate
from ugbench.report.contents import collect_report
from ugbench.runs import checkpoint, method_description
from ugbench.runs.folder import study_file
from ugbench.runs.run import Run, list_runs, read_run
from ugbench.runs.stored_maps import read_maps
from ugbench.runs.stored_outputs import check_sources, files_by_stem, outputs_step
from ugbench.runs.training_log import last_logged_step, read_curves, training_hours
from ugbench.scoring import per_image, record
from ugbench.study import grid
from ugbench.study.decisions import read_decisions
from ugbench.votes.store import VoteStore, read_polls

MOST_MEMORY = 200 << 20  # bytes that Python allocates
Make = Callable[..., Run]

READERS: dict[str, Callable[[Run], Any]] = {
    "config.json": lambda run: read_run(run.path),
    "method.json": method_description.read,
    "environment.json": lambda run: collect_report(run.results),
    "outputs/A2B/outputs.json": lambda run: outputs_step(run, "A2B"),
    "single/A2B/100.json": lambda run: per_image.read(run, "A2B", 100),
    "checkpoints/7/manifest.json": lambda run: checkpoint.load(run.checkpoint(7)),
    "../../dataset.json": lambda run: check_sources(run, "B2A", open_dataset(Path(run.config.dataset.root))),
    "../../../studies/abc.json": lambda run: read_decisions(study_file(run.results, "abc")),
    "generators.safetensors": lambda run: translate.load(run, torch.device("cpu")),
    "outputs/A2B/maps.safetensors": lambda run: read_maps(run, "A2B"),
    "metrics.jsonl": read_curves,
    "timing.jsonl": training_hours,
    "scores.jsonl": lambda run: list(record.read(run.scores_file)),
    "../../differences.jsonl": lambda run: differences.read_all(run.results),
    "../../votes.sqlite": lambda run: read_polls(run.results),
    "../../../study.toml": lambda run: grid.declare(grid.read(run.results / "study.toml"), "study.toml"),
}
BAD: dict[str, bytes] = {
    "a list": b"[1]\n",
    "a text": b'"steps"\n',
    "lists in lists": b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "objects in objects": b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"\n",
    "objects that Python still reads": b'{"config":' * 400 + b"1" + b"}" * 400 + b"\n",
    "another encoding": b'{"step": 1, "method": "\xff\xfe"}\n',
    "five thousand digits": b'{"step": 1, "value": ' + b"9" * 5000 + b"}\n",
    "zeros": bytes(1000) + b"\n",
}


def is_refused(read: Callable[[Run], Any], run: Run) -> str:
    """The sentence with which the file is refused."""
    tracemalloc.start()
    try:
        with pytest.raises(UgbenchError) as raised:
            read(run)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    sentence = str(raised.value)
    assert len(sentence) < 1000 and "\n" not in sentence, sentence
    return sentence


@pytest.fixture
def run(make_run: Make, translate: Make) -> Run:
    return translate(make_run("ugatit"), 10)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", READERS)
def test_a_file_of_another_content_is_refused(run: Run, name: str, bad: str) -> None:
    file = Path(os.path.normpath(run.path / name))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(BAD[bad])
    assert file.name in is_refused(READERS[name], run)


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_a_folder_and_a_huge_file_are_refused(run: Run, name: str) -> None:
    file = Path(os.path.normpath(run.path / name))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    assert "a pipe" in is_refused(READERS[name], run) or name.endswith("manifest.json")
    file.unlink()
    file.mkdir()
    assert "a folder" in is_refused(READERS[name], run) or name.endswith("manifest.json")
    file.rmdir()
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    is_refused(READERS[name], run)


def change_config(run: Run, change: Callable[[dict[str, Any]], object]) -> Path:
    file = run.path / "config.json"
    fields = json.loads(file.read_text())
    change(fields)
    file.write_text(json.dumps(fields))
    return run.path


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda fields: fields["config"].pop("steps"), "config.steps must be a number"),
        (lambda fields: fields["config"].pop("size"), "config.size must be a number"),
        (lambda fields: fields["config"].update(steps="many"), "config.steps must be a number"),
        (lambda fields: fields["config"].update(steps=10**30), "config.steps must be a number"),
        (lambda fields: fields["config"].update(steps=True), "config.steps must be a number"),
        (lambda fields: fields["config"].update(size=[32, 0]), "config.size must be a number"),
        (lambda fields: fields["config"].update(size=[32, 32, 32]), "config.size must be a number"),
        (lambda fields: fields["config"].update(size="32x64"), "config.size must be a number"),
        (lambda fields: fields["config"].update(size=2**17), "config.size must be a number"),
        (lambda fields: fields["config"].update(steps=[2, 2]), "config.steps must be a number"),
        (lambda fields: fields["config"].update(lr=float("nan")), "is not a JSON object"),
        (lambda fields: fields.update(seed=-1), "seed must be a number"),
        (lambda fields: fields.update(seed=10**300), "seed must be a number"),
        (lambda fields: fields.update(dataset=[]), "dataset"),
        (lambda fields: fields["dataset"].update(name="../x"), "dataset.name '../x' is no name of a folder"),
        (lambda fields: fields["dataset"].update(name="$(id)"), "dataset.name '$(id)' is no name of a folder"),
        (lambda fields: fields["dataset"].update(name="a\x1b[2J"), "is no name of a folder"),
        (lambda fields: fields.update(precision="x" * 10**6), "precision"),
    ],
)
def test_a_config_without_what_commands_use_is_refused(
    run: Run, change: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    path = change_config(run, change)
    assert sentence in is_refused(lambda _: read_run(path), run)


def test_a_rectangle_is_a_size(run: Run) -> None:
    changed = read_run(change_config(run, lambda fields: fields["config"].update(size=[64, 32])))
    assert changed.config.transform.width_and_height == (64, 32)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e308", "1e400", "-1e39", "9" * 39, '"x"', "null"])
@pytest.mark.parametrize("field", ["value", "se", "n_fake"])
def test_a_score_beyond_all_scores_is_refused(run: Run, make_record: Make, field: str, value: str) -> None:
    line = json.dumps({**make_record("kid", "ugatit", 0.5, 0.1).to_json(), field: "HERE"}).replace('"HERE"', value)
    run.scores_file.write_text(line + "\n")
    if (field, value) == ("se", "null"):
        assert next(iter(record.read(run.scores_file))).se is None
    else:
        assert "line 1 is no score record" in is_refused(lambda _: record.read_all(run.results), run)


@pytest.mark.parametrize("protocol", [{"settings": []}, {"name": {}}, {"name": 1}, {"settings": "x"}])
def test_a_protocol_of_another_form_is_refused(run: Run, make_record: Make, protocol: dict[str, Any]) -> None:
    record.append(run.scores_file, [make_record("kid", "ugatit", 0.5, protocol=protocol)])
    assert "line 1 is no score record" in is_refused(lambda _: record.read_all(run.results), run)


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 1, "g": 1e300}',
        '{"step": 1, "g": ' + "9" * 400 + "}",
        '{"step": 1e30}',
        '{"g": 1}',
        '{"step": NaN, "g": 1}',
    ],
)
def test_a_log_of_numbers_that_no_training_has_is_refused(run: Run, line: str) -> None:
    run.metrics_file.write_text(line + "\n")
    assert "line 1 is no line" in is_refused(read_curves, run)


@pytest.mark.parametrize("seconds", ["1e300", "NaN", "Infinity", "-1"])
def test_a_time_that_no_step_takes_is_refused(run: Run, seconds: str) -> None:
    run.timing_file.write_text(f'{{"step": 1, "seconds_per_step": {seconds}}}\n')
    assert "line 1 is no line" in is_refused(training_hours, run)


def test_the_last_step_of_a_log_is_none_of_thousands_of_digits(run: Run) -> None:
    run.metrics_file.write_text('{"step": 12, "g": 1}\n{"step": ' + "9" * 5000 + ', "g": 1}\n')
    assert last_logged_step(run) == 12


def png(width: int, height: int) -> bytes:
    """A PNG file of a few kilobytes whose header has these numbers."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 16)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("place", ["", "attention"])
def test_an_output_of_enormous_size_is_refused_before_it_is_decoded(run: Run, place: str) -> None:
    file = run.outputs("A2B") / place / "00.png"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(png(9000, 9000))
    assert "00.png has 9000 x 9000 px, too many" in is_refused(lambda run: files_by_stem(run, "A2B"), run)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW more AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "CREATE TRIGGER more AFTER INSERT ON votes BEGIN DELETE FROM votes; END",
        "CREATE TABLE more (x)",
        "ALTER TABLE votes ADD COLUMN x AS (zeroblob(1000000000))",
        "DROP TABLE votes",
        "DROP TABLE votes; CREATE VIEW votes AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT id AS poll, id AS rater, i AS image, 0 AS choice, i AS at FROM polls, n",
        "CREATE VIRTUAL TABLE more USING fts5(x)",
    ],
)
def test_a_database_of_votes_with_more_or_less_than_its_tables_is_refused(run: Run, statement: str) -> None:
    file = run.dataset_folder / "votes.sqlite"
    VoteStore(file).close()
    with sqlite3.connect(file) as connection:
        connection.executescript(statement)
    connection.close()
    assert "votes.sqlite has other tables" in is_refused(lambda run: read_polls(run.results), run)
    assert "votes.sqlite has other tables" in is_refused(lambda _: VoteStore(file), run)


@pytest.mark.parametrize(
    ("fields", "choice", "sentence"),
    [
        ("[1]", 0, "a poll that `ugbench vote` did not make"),
        ("[" * 10_000, 0, "a poll that `ugbench vote` did not make"),
        ('{"dataset": 1}', 0, "a poll that `ugbench vote` did not make"),
        (None, 9, "a vote for none of the candidates"),
        (None, "x", "a vote for none of the candidates"),
        (None, -1, "a vote for none of the candidates"),
    ],
)
def test_a_vote_of_another_form_is_refused(run: Run, fields: str | None, choice: object, sentence: str) -> None:
    file = run.dataset_folder / "votes.sqlite"
    VoteStore(file).close()
    candidate = dict.fromkeys(("variant", "name", "seed", "step")) | {"method": "a", "run": "r"}
    poll = {"dataset": "photos", "direction": "A2B", "candidates": [candidate], "pictures": "p"}
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO polls VALUES ('p', ?)", (fields or json.dumps(poll),))
        connection.execute("INSERT INTO raters VALUES ('r', NULL, 'now')")
        connection.execute("INSERT INTO votes VALUES ('p', 'r', 'i', ?, '[0]', 'now')", (choice,))
    connection.close()
    assert sentence in is_refused(lambda run: read_polls(run.results), run)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seeds = 1000000000", "seeds = 1000000000 is not a number from 1 to 1000"),
        ("seeds = " + "9" * 5000, "correct the file"),
        ("seeds = 0", "seeds = 0 is not a number"),
        ("x = " + "[" * 20_000, "nested too deep"),
        ("steps = 1" + "0" * 300, "steps"),
        ("minutes = inf", "minutes"),
        ("x = 1\n" * 20_000, "such a file has at most"),
    ],
)
def test_a_study_that_asks_for_too_much_is_refused(tmp_path: Path, run: Run, text: str, sentence: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text('methods = ["ugatit"]\ndatasets = ["d"]\n' + text)
    assert sentence in is_refused(lambda _: grid.declare(grid.read(file), str(file)), run)


@pytest.mark.parametrize("text", ["1000000000", "1001", "9" * 5000, "4," + "9" * 30])
def test_seeds_that_nobody_trains_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(text)


def varint(number: int) -> bytes:
    content = b""
    while number > 127:
        content, number = content + bytes([number & 127 | 128]), number >> 7
    return content + bytes([number])


def index_of(blocks: list[bytes], handles: list[tuple[int, int]]) -> bytes:
    """The index of a TensorFlow checkpoint with these blocks, and an index block with these (offset, size)."""
    content = b"".join(block + b"\0" for block in blocks)
    values = [varint(offset) + varint(size) for offset, size in handles]
    entries = b"".join(bytes([0, 1, len(value)]) + b"k" + value for value in values) + bytes(4)
    footer = (varint(0) * 2 + varint(len(content)) + varint(len(entries))).ljust(FOOTER - 8, b"\0")
    return content + entries + b"\0" + footer + MAGIC.to_bytes(8, "little")


INDICES = {
    "a number of a million bytes": index_of([b"\x80" * 1_000_000 + b"\0" + bytes(4)], [(0, 1_000_005)]),
    "a key of a million letters": index_of(
        [b"\0" + varint(1_000_000) + b"\0" + b"k" * 1_000_000 + bytes(4)], [(0, 1_000_008)]
    ),
    "one block many times": index_of([b"\0\1\0k" * 100_000 + bytes(4)], [(0, 400_004)] * 10_000),
    "a tensor of a million sides": index_of(
        [
            (
                entry := b"\0\1"
                + varint(len(value := b"\x08\x01\x12" + varint(len(dims := b"\x12\x02\x08\x7f" * 100_000)) + dims))
            )
            + b"k"
            + value
            + bytes(4)
        ],
        [(0, len(entry) + 1 + len(value) + 4)],
    ),
}


@pytest.mark.parametrize("name", INDICES)
def test_an_index_of_tensors_that_would_take_long_is_refused(tmp_path: Path, run: Run, name: str) -> None:
    file = tmp_path / "model.index"
    file.write_bytes(INDICES[name])
    assert "is damaged" in is_refused(lambda _: read_bundle(file), run)


# What is measured are commands that load no torch, which alone takes more.
MEASURED = {"table": ("scores.jsonl", 2), "runs": ("config.json", 0)}


@pytest.mark.parametrize("command", MEASURED)
def test_a_command_ends_with_a_sentence_in_less_than_half_a_gigabyte(run: Run, command: str) -> None:
    name, expected_code = MEASURED[command]
    file = run.path / name
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    words = [sys.executable, "-m", "ugbench", command, "--results", str(run.results)]
    code = (
        "import resource, subprocess, sys\n"
        f"done = subprocess.run({words!r}, capture_output=True, text=True, timeout=120)\n"
        "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "print(done.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=run.results)
    (numbers, *lines) = done.stdout.splitlines()
    exit_code, kilobytes = map(int, numbers.split())
    errors = [line for line in lines if line]
    assert "Traceback" not in done.stdout and kilobytes < 500_000
    assert (exit_code, len(errors)) == (expected_code, 1) and file.name in errors[0]


def test_good_files_are_still_read(run: Run) -> None:
    assert [listed.id for listed in list_runs(run.results)] == [run.id]
    assert outputs_step(run, "A2B") == 100
