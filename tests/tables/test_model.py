"""Blocks, and what extra columns change in a table."""

from __future__ import annotations

from collections.abc import Callable

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.cells import ExtraCell, ExtraColumn
from ugbench.tables.model import add_extra_columns
from ugbench.tables.rows import RowKey

Make = Callable[..., ScoreRecord]
COLUMN = ExtraColumn("x", "about", "X", ("x",))


def test_a_block_shows_only_columns_in_which_one_of_its_rows_has_a_score(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.1),
        make_record("fid", "cut", 60.0, direction="B2A"),
        make_record("kid", "unit", 0.2, direction="B2A"),
    ]
    table = build_table(records)
    shown = {block.title: [column.key for column in table.columns_of(block)] for block in table.blocks}
    assert shown == {"dial A2B": ["kid"], "dial B2A": ["kid", "fid"]}


def test_extra_cells_change_no_score_and_a_row_that_the_table_lacks_is_added_in_its_place(make_record: Make) -> None:
    table = build_table([make_record("kid", method, 0.1) for method in ("identity", "cut", "unit")])
    cell = ExtraCell("7", 7, (7.0,))
    keys = [RowKey("dial", direction, "munit") for direction in ("A2B", "B2A")]
    keys.append(RowKey("dial", "A2B", "cut"))
    extended = add_extra_columns(table, [COLUMN], {key: {"x": cell} for key in keys}, ["X: a number."])
    assert [(block.title, [row.label for row in block.rows]) for block in extended.blocks] == [
        ("dial A2B", ["identity", "cut", "munit", "unit"]),
        ("dial B2A", ["munit"]),
    ]
    assert [row.label for row in extended.rows if "x" in row.extra] == ["cut", "munit", "munit"]
    scores = {key: row.cells for key, row in extended.rows_by_key.items() if row.cells}
    assert scores == {key: row.cells for key, row in table.rows_by_key.items()}
    assert [extended.extra_columns_of(block) for block in extended.blocks] == [(COLUMN,), (COLUMN,)]
    assert extended.notes == (*table.notes, "X: a number.")


def test_a_row_names_each_run_behind_it_once(make_record: Make) -> None:
    records = [
        make_record(metric, "cut", 0.1, seed=seed, run=f"run{seed}") for metric in ("kid", "fid") for seed in (0, 1)
    ]
    (row,) = build_table(records).rows
    assert row.run_ids == ("run0", "run1")
