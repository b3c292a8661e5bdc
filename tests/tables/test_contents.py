"""Scores of other images stand in a block of their own, and the table says which block is current."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ugbench.analysis.differences import DifferenceRecord
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.columns.ranking import add_rankings
from ugbench.tables.formats.csv import render as render_csv
from ugbench.tables.formats.json import to_json
from ugbench.tables.model import Table, add_extra_columns
from ugbench.tables.records import Measured, latest, over_steps
from ugbench.tables.rows import RowKey

Make = Callable[..., ScoreRecord]

OLD, NEW = {"sources": "a1", "references": "b1"}, {"sources": "a1", "references": "b2"}
NOW = {"dial": {"testA": "a1", "testB": "b2"}}


def shown(table: Table, metric: str = "kid") -> dict[str, dict[str, float]]:
    """The values of a column by the title of the block and the label of the row."""
    return {
        block.title: {row.label: row.cells[metric].value for row in block.rows if metric in row.cells}
        for block in table.blocks
    }


@pytest.fixture
def changed(make_record: Make) -> list[ScoreRecord]:
    """Two methods and `identity`, scored with references b1, and then ugatit and identity with references b2."""
    return [
        make_record("kid", "ugatit", 0.3, outputs="u", **OLD),
        make_record("kid", "cyclegan", 0.2, outputs="c", **OLD),
        make_record("kid", "identity", 0.9, outputs="a1", **OLD),
        make_record("kid", "ugatit", 0.5, outputs="u", **NEW),
        make_record("kid", "identity", 0.8, outputs="a1", **NEW),
    ]


def test_two_contents_never_share_a_block_and_the_current_one_comes_first(changed: list[ScoreRecord]) -> None:
    table = build_table(changed, current=NOW)
    titles = list(shown(table))
    assert titles[0] == "dial A2B, current images"
    assert titles[1] == "dial A2B, earlier images"
    assert list(shown(table).values()) == [
        {"ugatit": 0.5, "identity": 0.8},
        {"ugatit": 0.3, "cyclegan": 0.2, "identity": 0.9},
    ]
    assert [[row.label for row in block.rows if row.cells["kid"].best] for block in table.blocks] == [
        [],
        ["cyclegan"],
    ]
    assert any(note.startswith("current images: ") for note in table.notes)
    assert any(note.startswith("earlier images: ") for note in table.notes)


@pytest.mark.parametrize(
    ("current", "titles"),
    [
        ({"dial": {"testA": "a1", "testB": "b1"}}, ["dial A2B"]),
        ({"dial": {"testA": "a1", "testB": "b2"}}, ["dial A2B, earlier images"]),
        ({"dial": {"testA": "a2", "testB": "b1"}}, ["dial A2B, earlier images"]),
        ({"dial": {"testA": "a1"}}, ["dial A2B, earlier images"]),
        ({}, ["dial A2B"]),
    ],
)
def test_one_content_needs_a_label_only_if_it_is_no_longer_current(
    changed: list[ScoreRecord], current: Mapping[str, Any], titles: list[str]
) -> None:
    assert list(shown(build_table(changed[:3], current=current))) == titles


def test_where_nobody_knows_what_is_current_the_blocks_are_only_told_apart(changed: list[ScoreRecord]) -> None:
    titles = list(shown(build_table(changed)))
    assert titles == ["dial A2B, images 1", "dial A2B, images 2"]


def test_a_score_without_references_stands_in_each_block_of_its_sources(make_record: Make) -> None:
    records = [
        make_record("kid", "ugatit", 0.3, **OLD),
        make_record("kid", "ugatit", 0.5, **NEW),
        make_record("lpips", "ugatit", 0.7, sources="a1"),
        make_record("kid", "ugatit", 0.6, sources="a2", references="b2"),
    ]
    table = build_table(records, current=NOW)
    by_kid = {kids["ugatit"]: shown(table, "lpips")[title] for title, kids in shown(table).items()}
    assert by_kid == {0.3: {"ugatit": 0.7}, 0.5: {"ugatit": 0.7}, 0.6: {}}
    alone = build_table([make_record("lpips", "ugatit", 0.7, sources="a1")], current=NOW)
    assert list(shown(alone, "lpips")) == ["dial A2B"]


def test_training_references_do_not_split_a_block_and_test_references_do(make_record: Make) -> None:
    protocol = {"name": "train-reference", "metric": "kid", "settings": {}, "reference": "train"}
    fields = {"protocol": protocol, "protocol_id": "train", "sources": "a1"}
    records = [
        make_record("kid", "ugatit", 0.3, **OLD),
        make_record("kid", "ugatit", 0.4, references="t1", **fields),
    ]
    (block,) = build_table(records).blocks
    assert sorted(cell.value for cell in block.rows[0].cells.values()) == [0.3, 0.4]
    other = make_record("kid", "cyclegan", 0.5, references="t2", **fields)
    table = build_table([*records, other])
    values = [sorted(cell.value for row in block.rows for cell in row.cells.values()) for block in table.blocks]
    assert sorted(values) == [[0.3, 0.4], [0.3, 0.5]]


def test_records_of_an_older_version_share_the_block_of_the_rest_under_a_note(make_record: Make) -> None:
    old = [make_record("kid", "ugatit", 0.3), make_record("kid", "cyclegan", 0.2)]
    assert list(shown(build_table(old))) == ["dial A2B"]
    assert not any("older version" in note for note in build_table(old).notes)
    table = build_table([*old, make_record("kid", "ugatit", 0.5, **NEW)], current=NOW)
    assert shown(table) == {"dial A2B": {"ugatit": 0.5, "cyclegan": 0.2}}
    (note,) = [note for note in table.notes if "older version" in note]
    assert note.startswith("cyclegan on dial A2B: an older version scored them and did not note the images; ")


def test_of_two_records_of_the_same_images_the_newer_counts_and_of_others_both(make_record: Make) -> None:
    records = [
        make_record("kid", "ugatit", value, outputs=outputs, **images)
        for value, outputs, images in ((0.1, "u", OLD), (0.2, "v", OLD), (0.3, "u", NEW))
    ]
    assert [record.value for record in latest(records)] == [0.2, 0.3]


def test_a_curve_over_steps_is_of_the_images_of_the_newest_score(make_record: Make) -> None:
    records = [
        make_record("kid", "ugatit", 0.4, step=5),
        make_record("kid", "ugatit", 0.3, step=10, **OLD),
        make_record("kid", "ugatit", 0.2, step=20, **OLD),
        make_record("kid", "ugatit", 0.5, step=20, **NEW),
    ]
    measured = Measured("kid", records[0].protocol_id, "A2B")
    values = {step: record.value for step, record in over_steps(records)[measured].items()}
    assert values == {5: 0.4, 20: 0.5}
    values = {step: record.value for step, record in over_steps(records[:3])[measured].items()}
    assert values == {5: 0.4, 10: 0.3, 20: 0.2}


def test_a_curve_over_steps_is_of_outputs_with_as_many_styles_as_the_newest(make_record: Make) -> None:
    records = [
        make_record("kid", "munit", 0.4, step=10),
        make_record("kid", "munit", 0.3, step=20),
        make_record("kid", "munit", 0.2, step=20, codes_per_image=1),
        make_record("kid", "munit", 0.1, step=30, codes_per_image=1),
    ]
    (steps,) = over_steps(records).values()
    assert {step: record.value for step, record in steps.items()} == {20: 0.2, 30: 0.1}


def test_a_difference_marks_only_the_block_of_its_images(make_record: Make) -> None:
    records = [
        make_record("kid", method, value, 0.001, **images)
        for images in (OLD, NEW)
        for method, value in (("ugatit", 0.3), ("cyclegan", 0.2))
    ]
    difference = DifferenceRecord(
        dataset="dial",
        direction="A2B",
        metric="kid",
        protocol_id=records[0].protocol_id,
        first=records[0].run,
        first_step=1000,
        second=records[1].run,
        second_step=1000,
        value=0.1,
        se=1.0,
        unpaired_se=1.0,
        n=90,
        n_real=90,
        **OLD,
    )
    table = build_table(records, differences=[difference], current=NOW)
    ties = [next(row for row in block.rows if row.label == "ugatit").cells["kid"] for block in table.blocks]
    assert [(cell.tied_by, cell.tied_with_best) for cell in ties] == [("unpaired", False), ("paired", True)]


def test_json_and_csv_tell_the_blocks_apart(changed: list[ScoreRecord]) -> None:
    table = build_table(changed, current=NOW)
    rows = to_json(table)["rows"]
    new = {"sources": "a1", "references": "b2", "training": None, "is_current": True}
    assert [row["images"] for row in rows if row["method"] == "ugatit"] == [
        new,
        {**new, "references": "b1", "is_current": False},
    ]
    lines = list(csv.DictReader(io.StringIO(render_csv(table))))
    assert lines[0]["images"] == "current images" and lines[-1]["images"] == "earlier images"
    assert "images" not in next(csv.reader(io.StringIO(render_csv(build_table(changed[:3])))))


def test_an_added_row_goes_to_the_first_block_and_a_ranking_is_of_current_images(
    changed: list[ScoreRecord], make_record: Make
) -> None:
    more = [make_record("kid", name, value, direction="B2A") for name, value in (("ugatit", 1.0), ("cyclegan", 2.0))]
    table = build_table([*changed, make_record("kid", "cyclegan", 0.6, **NEW), *more], current=NOW)
    (ranking,) = add_rankings(table).rankings
    assert ranking.blocks == ("dial A2B, current images", "dial B2A")
    added = add_extra_columns(table, [], {RowKey("dial", "A2B", "cut"): {}}, [])
    assert [block.title for block in added.blocks if "cut" in [row.label for row in block.rows]] == [
        "dial A2B, current images"
    ]
