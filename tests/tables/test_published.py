"""Published numbers stand beside ours and touch none of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from rich.console import Console

from ugbench.errors import UnknownName
from ugbench.published.tables import published
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import Row, Table, build_table, to_json
from ugbench.tables.columns.published import add_published
from ugbench.tables.formats import render

Make = Callable[..., ScoreRecord]
TITLE = "table3: KID x100, printed ±"


@pytest.fixture
def ours(make_record: Make) -> Table:
    return build_table(
        [
            make_record("kid", "identity", 0.5, dataset="cat2dog"),
            make_record("kid", "real", 0.0, dataset="cat2dog"),
            make_record("kid", "ugatit", 2.0, 0.1, dataset="cat2dog"),
            make_record("kid", "ugatit", 3.0, 0.1, dataset="cat2dog", variant="no-cam"),
            make_record("kid", "ugatit", 4.0, 0.1, dataset="dial"),
        ]
    )


@pytest.fixture
def table(ours: Table) -> Table:
    return add_published(ours, ["table3"])


def row_of(table: Table, label: str, dataset: str = "cat2dog") -> Row:
    (row,) = [row for row in table.rows if (row.label, row.dataset) == (label, dataset)]
    return row


def test_a_row_has_the_number_of_its_data_set_direction_method_and_variant(table: Table) -> None:
    assert row_of(table, "ugatit").beside["table3"].text == "7.07 ± 0.65"
    assert row_of(table, "drit").beside["table3"].text == "10.92 ± 0.33"
    for other in (row_of(table, "ugatit-no-cam"), row_of(table, "identity"), row_of(table, "ugatit", "dial")):
        assert other.beside == {}


def test_methods_of_the_publication_alone_get_rows_between_floor_and_ceiling(table: Table) -> None:
    labels = [row.label for row in table.rows if row.dataset == "cat2dog"]
    theirs = ["aggan", "cyclegan", "drit", "munit"]
    assert labels == ["identity", *theirs, "ugatit", "ugatit-no-cam", "unit", "real"]
    assert row_of(table, "drit").cells == {}
    assert {(row.dataset, row.direction) for row in table.rows} == {("cat2dog", "A2B"), ("dial", "A2B")}


def test_our_cells_and_their_marks_stay_as_they_were_although_the_published_are_lower(ours: Table) -> None:
    after = add_published(ours, ["table3"])
    assert {row.label: row.cells for row in ours.rows if row.dataset == "cat2dog"} == {
        row.label: row.cells for row in after.rows if row.dataset == "cat2dog" and row.cells
    }
    assert row_of(after, "ugatit").cells["kid"].best


def test_the_caption_has_source_and_note_once_though_two_tables_share_it(ours: Table) -> None:
    notes = add_published(ours, ["table1", "table3"]).notes
    note = published("table3").note
    assert "protocol is undetermined" in note
    assert [text for text in notes if note in text] == [f"table1, table3: {note}"]
    assert "table3: Kim, Kim, Kang, Lee: U-GAT-IT (ICLR 2020), Table 3." in notes
    assert "table1 has no number for these data sets, only for selfie2anime." in notes


def test_json_has_the_raw_number_the_printed_one_and_the_source(ours: Table) -> None:
    found = to_json(add_published(ours, ["table3", "table2"]))
    (row,) = [r for r in found["rows"] if (r["method"], r["variant"], r["dataset"]) == ("ugatit", None, "cat2dog")]
    assert row["published"]["table3"]["value"] == pytest.approx(0.0707)
    assert (row["published"]["table3"]["printed"], row["published"]["table3"]["spread"]) == (7.07, 0.65)
    assert row["published"]["table2"]["printed"] == 58.22
    assert row["cells"]["kid"]["value"] == 2.0
    assert found["published"]["table3"]["source"] == published("table3").source
    assert found["published"]["table2"]["note"] == published("table2").note


def test_a_table_without_them_has_no_such_key(ours: Table) -> None:
    assert add_published(ours, []) == ours
    found = to_json(ours)
    assert set(found) == {"protocols", "rows", "notes"}
    assert "published" not in found["rows"][0]


def test_every_readable_format_has_a_column_of_its_own_for_them(table: Table) -> None:
    assert f"| method | KID x100 ↓ | {TITLE} |" in render.md(table)
    assert "| ugatit | **200 ± 10** | 7.07 ± 0.65 |" in render.md(table)
    assert "| drit |  | 10.92 ± 0.33 |" in render.md(table)
    assert "drit &  & 10.92 $\\pm$ 0.33 \\\\" in render.latex(table)
    assert '<th scope="row">drit</th><td></td><td>10.92 ± 0.33</td>' in render.html(table)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(render.terminal(table))
    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["drit", "10.92", "±", "0.33"] in lines
    # A data set of which nothing is published has no empty column.
    assert "| method | KID x100 ↓ |\n" in render.md(table)


def test_csv_has_the_raw_number_and_its_printed_error(table: Table) -> None:
    rows = {(r["dataset"], r["method"], r["variant"]): r for r in csv.DictReader(io.StringIO(render.csv(table)))}
    assert float(rows["cat2dog", "drit", ""]["published_table3"]) == pytest.approx(0.1092)
    assert float(rows["cat2dog", "drit", ""]["published_table3_printed_error"]) == pytest.approx(0.0033)
    assert rows["cat2dog", "drit", ""]["kid"] == ""
    assert rows["dial", "ugatit", ""]["published_table3"] == ""


def test_shares_of_votes_say_so_and_have_no_error(ours: Table) -> None:
    (column,) = add_published(ours, ["table2"]).beside
    assert column.title == "table2: preference, % of votes"
    assert row_of(add_published(ours, ["table2"]), "ugatit").beside["table2"].text == "58.22"


def test_an_unknown_table_is_answered_with_a_near_one(ours: Table) -> None:
    with pytest.raises(UnknownName, match="did you mean 'table"):
        add_published(ours, ["tabel3"])
