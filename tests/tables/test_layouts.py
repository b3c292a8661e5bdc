"""The layout of a paper: methods by data sets, one section for each metric and protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ugbench.errors import UnknownName
from ugbench.scoring.record import ScoreRecord
from ugbench.statistics.preferences import Vote
from ugbench.tables.build import build_table
from ugbench.tables.columns.published import add_published
from ugbench.tables.columns.votes import add_votes
from ugbench.tables.display import DisplayNames
from ugbench.tables.formats import FORMATS, render
from ugbench.tables.formats.json import to_json
from ugbench.tables.layouts import lay_out
from ugbench.tables.layouts.grid import Panel, Section
from ugbench.tables.model import Table
from ugbench.votes.poll import Candidate, Poll

Make = Callable[..., ScoreRecord]


def sections(table: Table) -> dict[str, Section]:
    return {section.title: section for section in lay_out(table, "paper").sections}


def lines(panel: Panel) -> list[list[str]]:
    """Headings and rows as texts with marks; the best of a column is in stars."""
    heads = [*panel.label_heads, *(column.title for column in panel.columns)]
    rows = [
        [*row.labels, *(f"*{cell.text}*" if cell.best else f"{cell.text} {cell.mark}".strip() for cell in row.cells)]
        for row in panel.rows
    ]
    return [heads, *rows]


@pytest.fixture
def records(make_record: Make) -> list[ScoreRecord]:
    """Two methods, identity and real on two data sets; cut lacks zebras B2A, and only dial has FIDs."""
    values = {
        ("dial", "A2B"): {"identity": 0.9, "real": 0.0, "ugatit": 0.2, "cut": 0.3},
        ("dial", "B2A"): {"identity": 0.8, "ugatit": 0.5, "cut": 0.4},
        ("zebras", "A2B"): {"identity": 0.7, "real": 0.01, "ugatit": 0.6, "cut": 0.61},
        ("zebras", "B2A"): {"ugatit": 0.1},
    }
    made = [
        make_record("kid", method, value, 0.01, dataset=dataset, direction=direction)
        for (dataset, direction), by_method in values.items()
        for method, value in by_method.items()
    ]
    return [*made, make_record("fid", "ugatit", 60.0), make_record("fid", "cut", 50.0)]


def test_data_sets_are_columns_and_directions_are_panels_of_one_section(records: list[ScoreRecord]) -> None:
    found = sections(build_table(records))
    assert list(found) == ["KID x100 ↓", "FID ↓"]
    assert [panel.title for panel in found["KID x100 ↓"].panels] == ["A2B", "B2A"]
    there, back = found["KID x100 ↓"].panels
    assert lines(there) == [
        ["method", "dial", "zebras"],
        ["identity", "90.0 ± 1.0", "70.0 ± 1.0"],
        ["cut", "30.0 ± 1.0", "61.0 ± 1.0 ≈"],
        ["ugatit", "*20.0 ± 1.0*", "*60.0 ± 1.0*"],
        ["real", "0.0 ± 1.0", "1.0 ± 1.0"],
    ]
    assert lines(back) == [
        ["method", "dial", "zebras"],
        ["identity", "80.0 ± 1.0", "–"],
        ["cut", "*40.0 ± 1.0*", "–"],
        ["ugatit", "50.0 ± 1.0", "10.0 ± 1.0"],
    ]


def test_a_section_has_the_data_sets_and_directions_that_its_metric_has(records: list[ScoreRecord]) -> None:
    (panel,) = sections(build_table(records))["FID ↓"].panels
    assert (panel.title, lines(panel)[0]) == ("A2B", ["method", "dial"])
    (only,) = sections(build_table([record for record in records if record.direction == "A2B"]))["KID x100 ↓"].panels
    assert only.title == ""


def test_bands_are_identity_methods_and_real(records: list[ScoreRecord]) -> None:
    section = sections(build_table(records))["KID x100 ↓"]
    assert section.ruled
    assert [row.band for row in section.panels[0].rows] == ["identity", "methods", "methods", "real"]


def test_protocols_are_sections_of_their_own(make_record: Make) -> None:
    records = [make_record("kid", "cut", 0.1, extractor=extractor) for extractor in ("alexnet", "inception")]
    assert list(sections(build_table(records))) == ["KID x100 ↓ (AlexNet)", "KID x100 ↓ (Inception)"]


def test_scores_of_other_images_are_a_column_with_its_label(make_record: Make) -> None:
    changes: list[dict[str, Any]] = [{"sources": "a", "references": name} for name in ("old", "new")]
    records = [make_record("kid", "cut", 0.1 * place, **change) for place, change in enumerate(changes, start=1)]
    table = build_table(records, current={"dial": {"testA": "a", "testB": "new"}})
    (panel,) = sections(table)["KID x100 ↓"].panels
    assert lines(panel) == [["method", "dial, current images", "dial, earlier images"], ["cut", "20.00", "10.00"]]


def test_seeds_have_a_column_only_where_their_numbers_differ(make_record: Make) -> None:
    same = [
        make_record("kid", name, 0.1 + 0.1 * seed, seed=seed, dataset=dataset)
        for name in ("cut", "unit")
        for seed in (0, 1)
        for dataset in ("dial", "zebras")
    ]
    table = build_table([*same, make_record("kid", "identity", 0.9)])
    assert sections(table)["KID x100 ↓"].panels[0].label_heads == ("method",)
    assert "Each score of a method is the mean of 2 seeds." in lay_out(table, "paper").notes
    table = build_table([*same, make_record("kid", "cut", 0.3, seed=2), make_record("kid", "identity", 0.9)])
    rows = lines(sections(table)["KID x100 ↓"].panels[0])
    assert [row[:2] for row in rows] == [["method", "seeds"], ["identity", ""], ["cut", "2-3"], ["unit", "2"]]
    assert not any("is the mean of" in note for note in lay_out(table, "paper").notes)


def test_published_numbers_stand_beside_what_measures_the_same(make_record: Make) -> None:
    records = [make_record("kid", "ugatit", 0.2, 0.01, dataset=name) for name in ("cat2dog", "horse2zebra", "mine")]
    table = add_published(build_table(records, names=DisplayNames()), ["table2", "table3"])
    found = sections(table)
    assert list(found) == ["KID x100 ↓", "table2: preference, % of votes"]
    (panel,) = found["KID x100 ↓"].panels
    head, *rows = lines(panel)
    places = ("cat2dog: ours", "cat2dog: table3", "horse2zebra: ours", "horse2zebra: table3", "mine: ours")
    assert head == ["method", *places]
    by_label = {row[0]: row[1:] for row in rows}
    assert by_label["U-GAT-IT"] == ["20.0 ± 1.0", "7.07 ± 0.65", "20.0 ± 1.0", "7.06 ± 0.80", "20.0 ± 1.0"]
    assert by_label["AGGAN"] == ["–", "9.84 ± 0.79", "–", "7.58 ± 0.71", "–"]
    assert lines(found["table2: preference, % of votes"].panels[0])[0] == ["method", "cat2dog", "horse2zebra"]


def test_votes_are_a_table_of_methods_by_data_sets() -> None:
    candidates = tuple(Candidate(name, None, None, f"run-{name}", 0, 10) for name in ("cut", "unit"))
    polls = {
        Poll(dataset, "A2B", candidates, "pictures"): [Vote("r1", "i1", 0), Vote("r2", "i2", winner)]
        for dataset, winner in (("dial", 1), ("zebras", 0))
    }
    table = add_votes(Table(names=DisplayNames()), polls)
    (section,) = sections(table).values()
    (panel,) = section.panels
    assert [row[:1] + [text.split(" ")[0] for text in row[1:]] for row in lines(panel)] == [
        ["method", "dial", "zebras"],
        ["CUT", "50.0", "100.0"],
        ["UNIT", "50.0", "0.0"],
    ]


def test_every_readable_format_writes_both_layouts_and_the_others_none(records: list[ScoreRecord]) -> None:
    table = build_table(records)
    for format in FORMATS:
        paper, blocks = (render(table, format, layout) for layout in ("paper", "blocks"))
        assert (paper == blocks) == (format in ("csv", "json"))
    assert render(table, "latex") == render(table, "latex", "paper")
    assert render(table, "md") == render(table, "md", "blocks")
    assert "#### B2A\n\n| method | dial | zebras |\n| :-- | --: | --: |\n" in render(table, "md", "paper")
    with pytest.raises(UnknownName, match="did you mean 'paper'"):
        render(table, "md", "papers")


def test_marks_are_those_of_the_blocks(records: list[ScoreRecord]) -> None:
    table = build_table(records)
    rows = to_json(table)["rows"]
    best = {(row["dataset"], row["direction"], row["method"]) for row in rows if row["cells"]["kid"]["best"]}
    assert best == {("dial", "A2B", "ugatit"), ("dial", "B2A", "cut"), ("zebras", "A2B", "ugatit")}
    shown = {
        (column.title, panel.title, row.labels[0])
        for panel in sections(table)["KID x100 ↓"].panels
        for row in panel.rows
        for column, cell in zip(panel.columns, row.cells, strict=True)
        if cell.best
    }
    assert shown == best
