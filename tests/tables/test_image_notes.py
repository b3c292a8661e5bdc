"""The caption names missing outputs, copies and values below 0."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from terminal_text import terminal_lines

from ugbench.metrics import fid, kid
from ugbench.scoring.record import ScoreRecord
from ugbench.tables import image_notes
from ugbench.tables.build import build_table
from ugbench.tables.formats import render

Make = Callable[..., ScoreRecord]


def notes(*records: ScoreRecord) -> tuple[str, ...]:
    return build_table(records).notes


def test_a_row_with_missing_outputs_is_named_with_their_number(make_record: Make) -> None:
    missing = {"n_fake": 86, "n_missing": 14}
    text = notes(
        make_record("kid", "no-dcam", 0.2, 0.01, **missing),
        make_record("lpips", "no-dcam", 0.4, **missing),
        make_record("kid", "full", 0.1, 0.01, n_missing=0),
        make_record("kid", "old", 0.1, 0.01),
    )
    about_missing = [note for note in text if "have no output" in note]
    assert about_missing == ["no-dcam on dial A2B: 14 of 100 sources have no output; its scores leave them out."]


def test_missing_outputs_of_seeds_are_added_up(make_record: Make) -> None:
    records = [make_record("kid", "cut", 0.2, seed=seed, n_fake=100 - n, n_missing=n) for seed, n in enumerate((3, 0))]
    assert "cut on dial A2B: over 2 seeds, 3 sources have no output; its scores leave them out." in notes(*records)


def test_copies_are_named_with_what_they_are_copies_of(make_record: Make) -> None:
    text = notes(
        make_record("kid", "copier", 0.01, copies={"references": 98, "training": 2, "inputs": 0}),
        make_record("kid", "lazy", 0.5, copies={"references": 0, "training": 0, "inputs": 100}),
        make_record("kid", "cut", 0.1, copies={"references": 0, "training": 0, "inputs": 0}),
    )
    about_copies = [note for note in text if "there are copies" in note or note.startswith("A copy")]
    assert about_copies == [
        "copier on dial A2B: among the 100 outputs there are copies: 98 of references, 2 of training images.",
        "lazy on dial A2B: among the 100 outputs there are copies: 100 of their own inputs.",
        "A copy differs from its original by at most 1.5 of 255 levels in the mean, both at 32 px, as it is or "
        "mirrored. Copies of references or training images improve KID and FID without any translation.",
    ]


def test_copies_of_seeds_are_added_up(make_record: Make) -> None:
    records = [make_record("kid", "cut", 0.1, seed=seed, copies={"training": 2}) for seed in range(3)]
    sentence = "cut on dial A2B: among the outputs of 3 seeds there are copies: 6 of training images."
    assert sentence in notes(*records)


@pytest.mark.parametrize(("metric", "value"), [("kid", -0.002), ("fid", -1e-6)])
def test_a_value_below_0_is_explained_in_one_sentence(make_record: Make, metric: str, value: float) -> None:
    sentence = {"kid": kid, "fid": fid}[metric].METRIC.note_if_negative
    assert sentence is not None and sentence.startswith(f"{metric} below 0: ")
    assert sentence in notes(make_record(metric, "real", value), make_record(metric, "cut", 1.0))
    assert sentence not in notes(make_record(metric, "real", 0.0), make_record(metric, "cut", 1.0))


@pytest.fixture
def records(make_record: Make) -> list[ScoreRecord]:
    """A row with missing outputs and copies, two rows at other numbers, and a value below 0."""
    return [
        make_record("fid", "copier", -1e-6, n_fake=86, n_missing=14, copies={"references": 86}),
        make_record("fid", "cut", 60.0, n_fake=100, n_missing=0, copies={"references": 0}),
        make_record("fid", "ugatit", 61.0, n_fake=99, n_missing=1, copies={"references": 0}),
    ]


@pytest.mark.parametrize("format", ["terminal", "md", "latex", "html", "json"])
def test_every_format_with_a_caption_has_these_notes(records: list[ScoreRecord], format: str) -> None:
    table = build_table(records)
    text = " ".join(terminal_lines(table)) if format == "terminal" else render(table, format)
    plain = " ".join(unescape(text).replace("\\", "").split())
    for sentence in (
        "14 of 100 sources have no output",
        "among the 86 outputs there are copies: 86 of references",
        "no row with under 2,048 images per set is called the best",
        "fid below 0: ",
    ):
        assert sentence in plain


def test_json_and_csv_have_the_numbers(records: list[ScoreRecord]) -> None:
    table = build_table(records)
    cells = {row["method"]: row["cells"]["fid"] for row in json.loads(render(table, "json"))["rows"]}
    assert (cells["copier"]["n_missing"], cells["copier"]["copies"]) == (14, {"references": 86})
    assert not any(cell["best"] for cell in cells.values())
    rows: dict[str, Any] = {row["method"]: row for row in csv.DictReader(io.StringIO(render(table, "csv")))}
    assert [rows[name]["n_missing"] for name in ("copier", "cut", "ugatit")] == ["14", "0", "1"]
    assert [rows[name]["copies_of_references"] for name in ("copier", "cut", "ugatit")] == ["86", "0", "0"]
    assert "copies_of_training" not in rows["cut"]


def test_csv_without_missing_outputs_or_copies_has_no_columns_for_them(make_record: Make) -> None:
    head = render(build_table([make_record("kid", "cut", 0.1, n_missing=0, copies={"references": 0})]), "csv")
    assert "n_missing" not in head and "copies" not in head


def test_the_limit_that_the_caption_names_is_that_of_the_search() -> None:
    assert "at most 1.5 of 255 levels" in image_notes.COPIES
