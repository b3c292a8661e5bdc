"""Display names of rows and data sets in what people read; registered names in what programs read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from ugbench import registry
from ugbench.errors import UnknownName
from ugbench.method_source import method_titles
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.display import DisplayNames
from ugbench.tables.formats import render
from ugbench.tables.layouts import lay_out
from ugbench.tables.model import Table

Make = Callable[..., ScoreRecord]


def labels(table: Table, layout: str = "blocks") -> list[str]:
    (section,) = lay_out(table, layout).sections
    return [row.labels[0] for row in section.panels[0].rows]


@pytest.fixture
def records(make_record: Make) -> list[ScoreRecord]:
    who = [("ugatit", None), ("ugatit", "no-cam"), ("cut", "fastcut"), ("identity", None), ("acme", "big")]
    return [make_record("kid", method, 0.1, 0.01, variant=variant) for method, variant in who]


def test_rows_have_the_titles_of_their_methods_and_variants(records: list[ScoreRecord]) -> None:
    table = build_table(records, names=DisplayNames())
    expected = ["identity", "acme big", "FastCUT", "U-GAT-IT", "U-GAT-IT w/o CAM"]
    assert labels(table) == labels(table, "paper") == expected
    assert [row.name for row in table.rows] == ["identity", "acme-big", "cut-fastcut", "ugatit", "ugatit-no-cam"]


def test_a_table_of_one_methods_variants_names_the_variants(make_record: Make) -> None:
    variants = (None, "no-cam", "no-such")
    records = [make_record("kid", "ugatit", 0.1, variant=variant) for variant in variants]
    table = build_table([*records, make_record("kid", "identity", 0.9)], names=DisplayNames())
    assert labels(table) == ["identity", "full", "w/o CAM", "no-such"]
    grids = lay_out(table, "paper")
    assert grids.sections[0].panels[0].label_heads == ("variant",)
    assert grids.notes[0] == "Rows are variants of U-GAT-IT; full is the method itself."
    assert labels(build_table(records[:1], names=DisplayNames())) == ["U-GAT-IT"]


def test_names_of_the_user_replace_those_of_rows_methods_and_data_sets(records: list[ScoreRecord]) -> None:
    names = DisplayNames({"ugatit": "Ours", "cut-fastcut": "Fast", "dial": "Dial", "identity": "source"})
    table = build_table(records, names=names)
    assert labels(table) == ["source", "acme big", "Fast", "Ours", "Ours w/o CAM"]
    assert table.blocks[0].title == "Dial A2B"
    names.check(table.rows)


def test_an_unknown_name_is_answered_with_a_near_one(records: list[ScoreRecord]) -> None:
    table = build_table(records)
    with pytest.raises(UnknownName, match="'ugatit-nocam'; did you mean 'ugatit-no-cam'"):
        DisplayNames({"ugatit-nocam": "x"}).check(table.rows)


def test_notes_call_rows_by_their_display_names(make_record: Make) -> None:
    records = [make_record("kid", "ugatit", 0.1, codes_per_image=1, n_missing=3)]
    notes = "\n".join(build_table(records, names=DisplayNames()).notes)
    assert "U-GAT-IT: one style per image" in notes and "U-GAT-IT on dial A2B: 3 of 103 sources" in notes
    assert "ugatit" not in notes


def test_json_and_csv_keep_the_registered_names(records: list[ScoreRecord]) -> None:
    table = build_table(records)
    assert "U-GAT-IT" not in render(table, "json") + render(table, "csv")
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert ("ugatit", "no-cam") in [(row["method"], row["variant"]) for row in rows]


def test_a_method_that_only_publications_have_is_called_as_they_print_it(make_record: Make) -> None:
    assert labels(build_table([make_record("kid", "aggan", 0.1)], names=DisplayNames())) == ["AGGAN"]


@pytest.mark.parametrize("name", sorted(registry.modules("methods")))
def test_the_source_of_each_method_gives_the_titles_of_its_class(name: str) -> None:
    method = registry.load_method(name)
    titles = method_titles(name)
    assert (titles.method, dict(titles.variants)) == (method.title, dict(method.variant_titles))
    assert set(titles.variants) == set(method.VARIANTS)
