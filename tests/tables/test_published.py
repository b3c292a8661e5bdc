"""Published numbers stand beside ours and touch none of them."""

from __future__ import annotations

import csv
import inspect
import io
from collections.abc import Callable

import pytest
from terminal_text import terminal_lines

from ugbench.cli.table import table as table_command
from ugbench.errors import UnknownName
from ugbench.published.tables import published_names, published_tables
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.columns.published import add_published, unscored_datasets
from ugbench.tables.formats import render
from ugbench.tables.formats.json import to_json
from ugbench.tables.model import Table
from ugbench.tables.rows import Row

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
    (row,) = [row for key, row in table.rows_by_key.items() if (row.label, key.dataset) == (label, dataset)]
    return row


def test_a_row_has_the_number_of_its_data_set_direction_method_and_variant(table: Table) -> None:
    assert row_of(table, "ugatit").extra["table3"].text == "7.07 ± 0.65"
    assert row_of(table, "drit").extra["table3"].text == "10.92 ± 0.33"
    for other in (row_of(table, "ugatit-no-cam"), row_of(table, "identity"), row_of(table, "ugatit", "dial")):
        assert other.extra == {}


def test_methods_of_the_publication_alone_get_rows_between_floor_and_ceiling(table: Table) -> None:
    labels = [row.label for row in table.blocks[0].rows]
    theirs = ["aggan", "cyclegan", "drit", "munit"]
    assert labels == ["identity", *theirs, "ugatit", "ugatit-no-cam", "unit", "real"]
    assert row_of(table, "drit").cells == {}
    assert [block.title for block in table.blocks] == ["cat2dog A2B", "dial A2B"]


def test_our_cells_and_their_marks_stay_as_they_were_although_the_published_are_lower(ours: Table) -> None:
    after = add_published(ours, ["table3"])
    scored = {key: row.cells for key, row in after.rows_by_key.items() if row.cells}
    assert scored == {key: row.cells for key, row in ours.rows_by_key.items()}
    assert row_of(after, "ugatit").cells["kid"].best


def test_the_caption_has_source_and_note_once_though_two_tables_share_it(ours: Table) -> None:
    notes = add_published(ours, ["table1", "table3"], datasets=["selfie2anime"]).notes
    note = published_tables("table3")[0].notes[0]
    assert "protocol is undetermined" in note
    assert [text for text in notes if note in text] == [f"table1, table3: {note}"]
    assert "table3: Kim, Kim, Kang, Lee: U-GAT-IT (ICLR 2020), Table 3 (https://arxiv.org/abs/1907.10830)." in notes
    assert "table1: Kim, Kim, Kang, Lee: U-GAT-IT (ICLR 2020), Table 1 (https://arxiv.org/abs/1907.10830)." in notes


def test_of_tables_without_a_number_here_the_caption_says_that_and_no_more(ours: Table) -> None:
    notes = add_published(ours, ["table1", "remeasured", "table3"]).notes
    sentence = "table1, remeasured have no number for these data sets, only for selfie2anime."
    assert [note for note in notes if "table1" in note or "remeasured" in note] == [sentence]
    assert any(note.startswith("table3: protocol: ") for note in notes)
    alone = set(add_published(ours, ["table1"]).notes) - set(ours.notes)
    assert alone == {"table1 has no number for these data sets, only for selfie2anime."}


def test_json_has_the_raw_number_the_printed_one_and_the_source(ours: Table) -> None:
    content = to_json(add_published(ours, ["table3", "table2"]))
    (row,) = [r for r in content["rows"] if (r["method"], r["variant"], r["dataset"]) == ("ugatit", None, "cat2dog")]
    assert row["published"]["table3"]["value"] == pytest.approx(0.0707)
    assert (row["published"]["table3"]["printed"], row["published"]["table3"]["spread"]) == (7.07, 0.65)
    assert row["published"]["table2"]["printed"] == 58.22
    assert row["cells"]["kid"]["value"] == 2.0
    (table3,), (table2,) = published_tables("table3"), published_tables("table2")
    assert content["published"]["table3"]["source"] == table3.source
    assert content["published"]["table3"]["protocol"]["computed_by"] == "the authors of U-GAT-IT"
    assert content["published"]["table2"]["note"] == table2.notes[0]
    assert content["published"]["table2"]["protocol"] is None


def test_a_table_without_them_has_no_such_key(ours: Table) -> None:
    assert add_published(ours, []) == ours
    content = to_json(ours)
    assert set(content) == {"protocols", "rows", "notes"}
    assert "published" not in content["rows"][0]


def test_every_readable_format_has_a_column_of_its_own_for_them(table: Table) -> None:
    assert f"| method | KID x100 ↓ | {TITLE} |" in render(table, "md")
    assert "| ugatit | **200 ± 10** | 7.07 ± 0.65 |" in render(table, "md")
    assert "| drit |  | 10.92 ± 0.33 |" in render(table, "md")
    assert "drit & {--} & 10.92{\\,$\\pm$\\,0.33} & {--} \\\\" in render(table, "latex")
    assert '<th scope="row">drit</th><td></td><td>10.92 ± 0.33</td>' in render(table, "html")
    assert ["drit", "10.92", "±", "0.33"] in [line.split() for line in terminal_lines(table)]
    # A data set of which nothing is published has no empty column.
    assert "| method | KID x100 ↓ |\n" in render(table, "md")


def test_csv_has_the_raw_number_and_its_printed_error(table: Table) -> None:
    rows = {(r["dataset"], r["method"], r["variant"]): r for r in csv.DictReader(io.StringIO(render(table, "csv")))}
    assert float(rows["cat2dog", "drit", ""]["published_table3"]) == pytest.approx(0.1092)
    assert float(rows["cat2dog", "drit", ""]["published_table3_printed_error"]) == pytest.approx(0.0033)
    assert rows["cat2dog", "drit", ""]["kid"] == ""
    assert rows["dial", "ugatit", ""]["published_table3"] == ""


def test_shares_of_votes_say_so_and_have_no_error(ours: Table) -> None:
    (column,) = add_published(ours, ["table2"]).extra_columns
    assert column.title == "table2: preference, % of votes"
    assert row_of(add_published(ours, ["table2"]), "ugatit").extra["table2"].text == "58.22"


@pytest.fixture
def zebras(make_record: Make) -> Table:
    records = [("cut", None, 50.0), ("cut", "fastcut", 60.0), ("cyclegan", None, 70.0)]
    enough = {"n_fake": 2048, "n_real": 2048}  # for FID to have a best row
    made = [
        make_record("fid", method, fid, dataset="horse2zebra", variant=variant, **enough)
        for method, variant, fid in records
    ]
    return add_published(build_table(made), ["cleanfid", "mmgeneration-official"])


def test_a_publication_of_several_tables_has_a_column_for_each_and_rows_join_by_method_and_variant(
    zebras: Table,
) -> None:
    keys = ["cleanfid-reported", "cleanfid-reproduced", "cleanfid-clean", "mmgeneration-official"]
    assert [column.key for column in zebras.extra_columns] == keys
    texts = {row.label: [row.extra[key].text if key in row.extra else None for key in keys] for row in zebras.rows}
    assert texts["cut"] == ["45.5", "45.51", "43.71", None]
    assert texts["cut-fastcut"] == ["73.4", "73.38", "72.53", None]
    assert texts["cyclegan"] == ["77.2", "77.20", "75.17", "62.111"]
    assert texts["cyclegan-id0"] == [None, None, None, "77.202"]
    assert texts["drit"] == ["140.0", None, "99.56", None]
    assert row_of(zebras, "cut", "horse2zebra").cells["fid"].best


def test_the_note_under_a_column_says_its_protocol_for_the_data_sets_that_are_shown(zebras: Table) -> None:
    (clean,) = [note for note in zebras.notes if note.startswith("cleanfid-clean: protocol: ")]
    assert "computed by the authors of clean-fid; package: clean-fid, mode clean" in clean
    assert "horse2zebra A2B: 120 outputs, 140 references" in clean and "cat2dog" not in clean
    (official,) = [note for note in zebras.notes if note.startswith("mmgeneration-official: protocol: ")]
    assert "horse2zebra A2B: 140 outputs, 140 references" in official
    printed = render(zebras, "md")
    assert "62.111" in printed and "mmgeneration-official: protocol: computed by" in printed
    shared = "cleanfid-reported, cleanfid-reproduced, cleanfid-clean: Outputs at 256 px"
    assert [note.startswith(shared) for note in zebras.notes].count(True) == 1


def test_a_data_set_that_is_asked_for_is_shown_with_published_numbers_alone(ours: Table) -> None:
    after = add_published(ours, ["mmgeneration-official-is"], datasets=["horse2zebra"])
    assert [block.title for block in after.blocks] == ["cat2dog A2B", "dial A2B", "horse2zebra A2B", "horse2zebra B2A"]
    assert [row.extra["mmgeneration-official-is"].text for row in after.rows if row.extra] == [
        "1.375",
        "1.584",
        "3.186",
        "3.047",
    ]
    (column,) = after.extra_columns
    assert column.title == "mmgeneration-official-is: Inception score"


def test_only_data_sets_without_scores_and_with_published_numbers_are_shown_alone() -> None:
    names = ["horse2zebra", "cat2dog", "dial"]
    assert unscored_datasets(names, {"cat2dog"}, ["cleanfid"]) == ["horse2zebra"]
    assert unscored_datasets(names, set(), ["cleanfid", "table1"]) == ["horse2zebra", "cat2dog"]
    assert unscored_datasets(names, set(), []) == []


def test_the_help_names_every_publication() -> None:
    option = inspect.signature(table_command, eval_str=True).parameters["published"]
    (described,) = option.annotation.__metadata__
    assert all(name in described.help for name in published_names())


def test_an_unknown_table_is_answered_with_a_near_one(ours: Table) -> None:
    with pytest.raises(UnknownName, match="did you mean 'table"):
        add_published(ours, ["tabel3"])
