"""Every format holds the table's numbers, and no name becomes markup."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from rich.console import Console
from terminal_text import terminal_lines

from ugbench.errors import UnknownName
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.cells import Cell
from ugbench.tables.formats import render
from ugbench.tables.formats.json import to_json
from ugbench.tables.formats.terminal import TerminalTable
from ugbench.tables.layouts import lay_out
from ugbench.tables.model import Table
from ugbench.tables.numbers import number

Make = Callable[..., ScoreRecord]


@pytest.fixture
def table(make_record: Make) -> Table:
    return build_table(
        [
            make_record("kid", "identity", 0.2034, 0.0057),
            make_record("kid", "cut", 0.1361, 0.0061, seed=0),
            make_record("kid", "cut", 0.1161, 0.0061, seed=1),
            make_record("kid", "ugatit", 0.1161, 0.0057),
            make_record("kid", "ugatit", 0.3, 0.0057, variant="no-cam"),
            make_record("fid", "ugatit", 60.125),
            make_record("kid", "ugatit", 0.05, direction="B2A"),
        ]
    )


def cell(value: float, se: float | None = None) -> Cell:
    return Cell(value, se, None, None, 1, False, None, "id", True)


@pytest.mark.parametrize(
    ("value", "se", "scale", "text"),
    [
        (0.116149, 0.00568, 100, "11.61 ± 0.57"),
        (0.116149, 0.0568, 100, "11.6 ± 5.7"),
        (123.456, 12.3, 1, "123 ± 12"),
        (1234.5, 123.0, 1, "1234 ± 123"),
        (0.5, 0.0996, 1, "0.50 ± 0.10"),
        (0.5, 0.0000000004, 1, "0.500000 ± 0.000000"),
        (0.116149, None, 100, "11.61"),
        (60.125, None, 1, "60.12"),
        (0.0123456, None, 1, "0.01235"),
        (99999.6, None, 1, "100000"),
        (9.99996, None, 1, "10.00"),
        (0.0, None, 1, "0.000"),
        (-0.00001, 0.01, 1, "0.000 ± 0.010"),
        (-0.5, 0.01, 1, "-0.500 ± 0.010"),
        (1.0, 0.0, 1, "1.000"),
        (float("nan"), 0.1, 1, "not finite"),
    ],
)
def test_digits_follow_the_error(value: float, se: float | None, scale: float, text: str) -> None:
    assert number(cell(value, se), scale) == text


def test_json_parses_back_to_the_raw_table(table: Table) -> None:
    assert json.loads(render(table, "json")) == to_json(table)


def test_csv_parses_back_to_raw_values_errors_seeds_and_protocols(table: Table) -> None:
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert [(row["direction"], row["method"], row["variant"]) for row in rows] == [
        ("A2B", "identity", ""),
        ("A2B", "cut", ""),
        ("A2B", "ugatit", ""),
        ("A2B", "ugatit", "no-cam"),
        ("B2A", "ugatit", ""),
    ]
    assert float(rows[2]["kid"]) == 0.1161
    assert float(rows[1]["kid_se"]) == pytest.approx(0.01)
    assert [row["kid_n_seeds"] for row in rows] == ["1", "2", "1", "1", "1"]
    assert (rows[2]["fid"], rows[2]["fid_se"], rows[2]["fid_protocol_id"]) == ("60.125", "", "fid-alexnet")
    assert rows[0]["fid"] == ""


def test_markdown_has_a_pipe_table_for_each_direction_with_the_best_in_bold(table: Table) -> None:
    lines = render(table, "md").splitlines()
    assert lines[:8] == [
        "### dial A2B",
        "",
        "| method | seeds | KID x100 ↓ | FID ↓ |",
        "| :-- | --: | --: | --: |",
        "| identity |  | 20.34 ± 0.57 |  |",
        "| cut | 2 | 12.6 ± 1.0 |  |",
        "| ugatit | 1 | **11.61 ± 0.57** | 60.12 |",
        "| ugatit-no-cam | 1 | 30.00 ± 0.57 |  |",
    ]
    assert "### dial B2A" in lines
    assert "| method | KID x100 ↓ |" in lines


class Cells(HTMLParser):
    """Rows of texts, what is bold, and every tag's name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.bold: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if "tr" in self.tags and self.tags[-1] in ("td", "th", "strong", "span"):
            self.rows[-1][-1] += data.strip("\n")
        if self.tags and self.tags[-1] == "strong":
            self.bold.append(data)


def test_html_has_the_same_cells_and_loads_nothing(table: Table) -> None:
    text = render(table, "html")
    cells = Cells(text)
    assert cells.rows[0] == ["method", "seeds", "KID x100 ↓", "FID ↓"]
    assert [row[:3] for row in cells.rows[1:5]] == [
        ["identity", "", "20.34 ± 0.57 "],
        ["cut", "2", "12.6 ± 1.0 "],
        ["ugatit", "1", "11.61 ± 0.57"],
        ["ugatit-no-cam", "1", "30.00 ± 0.57 "],
    ]
    assert cells.bold == ["11.61 ± 0.57"]
    assert text.startswith("<!doctype html>")
    assert not re.search(r"https?:|src=|href=|@import|url\(", text)
    assert "color-scheme: light dark" in text


def test_the_terminal_table_fits_80_columns_and_loses_no_column(make_record: Make) -> None:
    metrics = ("kid", "fid", "lpips", "precision", "one", "two", "three", "four", "five")
    records = [
        make_record(metric, method, 0.1234, 0.0123, variant=variant)
        for metric in metrics
        for method, variant in (("ugatit", "no-cam"), ("cyclegan", None))
    ]
    built = build_table(records)
    lines = terminal_lines(built, width=80)
    assert max(map(len, lines)) <= 80
    heads = [line for line in lines if line.startswith("method")]
    assert len(heads) == 3
    for column in built.columns:
        assert sum(column.title in head for head in heads) == 1
    assert sum(line.startswith("ugatit-no-cam") for line in lines) == 3


def test_the_terminal_marks_the_best_by_weight_and_star_and_dims_what_does_not_compete(table: Table) -> None:
    console = Console(width=80, force_terminal=True, color_system="standard", file=io.StringIO(), no_color=True)
    with console.capture() as captured:
        console.print(TerminalTable(lay_out(table, "blocks")))
    text = captured.get()
    assert "\x1b[1m11.61 ± 0.57 *\x1b[0m" in text
    assert "\x1b[2midentity" in text
    assert "\x1b[2mugatit" not in text


def test_text_for_a_file_has_no_escape_codes(table: Table) -> None:
    assert "\x1b" not in render(table, "terminal", plain=True)
    assert "11.61 ± 0.57 *" in render(table, "terminal", plain=True)


def test_rows_without_any_number_in_a_part_are_left_out_only_for_floor_and_ceiling(make_record: Make) -> None:
    records = [
        make_record("kid", "real", 0.1),
        make_record("kid", "cut", 0.1),
        make_record("fid", "ugatit", 60.0),
    ]
    lines = [line.split()[0] for line in terminal_lines(build_table(records), width=24) if line.strip()]
    rows = [line for line in lines if line in ("cut", "ugatit", "real", "method")]
    assert rows == ["method", "cut", "ugatit", "real", "method", "cut", "ugatit"]


NASTY = r"a|b_c%&$#{}~^\x[bold]<script>`*"


@pytest.fixture
def nasty(make_record: Make) -> Table:
    protocol = {"name": NASTY}
    return build_table([make_record("kid", NASTY, 0.1, dataset=NASTY, variant=NASTY, protocol=protocol)])


def test_names_are_no_markup_in_markdown(nasty: Table) -> None:
    text = render(nasty, "md")
    (row,) = [line for line in text.splitlines() if line.startswith("| a")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert r"a\|b\_c%&amp;$\#{}\~^\\x\[bold\]\<script\>\`\*" in row
    assert "<script>" not in text.replace(r"\<script\>", "")


def test_names_are_no_markup_in_html(nasty: Table) -> None:
    cells = Cells(render(nasty, "html"))
    assert "script" not in cells.tags
    assert cells.rows[1][0] == f"{NASTY}-{NASTY}"


def test_names_are_no_markup_in_the_terminal(nasty: Table) -> None:
    assert f"{NASTY}-{NASTY}" in "\n".join(terminal_lines(nasty, width=300))


def test_an_unknown_format_is_answered_with_a_near_one(table: Table) -> None:
    with pytest.raises(UnknownName, match="did you mean 'latex'"):
        render(table, "latx")
