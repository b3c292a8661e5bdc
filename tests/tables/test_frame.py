"""A table as a DataFrame: raw values, and a style to read."""

import io
import json
from collections.abc import Callable
from dataclasses import replace

import pandas
import pytest

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.display import DisplayNames
from ugbench.tables.formats import render
from ugbench.tables.frame import TableFrame, to_frame
from ugbench.tables.model import Table

Make = Callable[..., ScoreRecord]


@pytest.fixture
def table(make_record: Make) -> Table:
    """KID of two methods, of which U-GAT-IT is the best, and the sources."""
    records = [
        make_record("kid", "ugatit", 0.0123, 0.001, low=0.01, high=0.014),
        make_record("kid", "cyclegan", 0.2, 0.001),
        make_record("kid", "identity", 0.5, 0.001),
    ]
    return build_table(records, names=DisplayNames())


def test_a_frame_has_the_columns_and_values_of_csv(table: Table) -> None:
    read = pandas.read_csv(io.StringIO(render(table, "csv")))
    frame = to_frame(table)
    assert list(frame.columns) == list(read.columns)
    pandas.testing.assert_frame_equal(frame[["kid", "kid_se"]], read[["kid", "kid_se"]])
    assert frame.set_index("method").loc["ugatit", "kid"] == 0.0123


def test_the_style_shows_scaled_texts_with_the_best_in_bold(table: Table) -> None:
    html = to_frame(table).style.to_html()
    assert "1.23 ± 0.10" in html
    assert "U-GAT-IT" in html
    rules = html[: html.index("</style>")].split("}")
    (bold,) = [rule for rule in rules if "font-weight: bold" in rule]
    order = [row.key.method for row in table.rows]
    assert f"td.row{order.index('ugatit')}.col0" in bold


def test_names_from_others_are_text_and_no_markup(make_record: Make) -> None:
    frame = to_frame(build_table([make_record("kid", "<script>x</script>", 0.1)], names=DisplayNames()))
    assert "<script>" not in frame.style.to_html()


def test_notes_are_text_and_no_markup(table: Table) -> None:
    html = to_frame(replace(table, notes=("a <b>bold</b> claim",))).style.to_html()
    assert "a &lt;b&gt;bold&lt;/b&gt; claim" in html


def test_what_is_computed_from_a_frame_is_an_ordinary_one(table: Table) -> None:
    frame = to_frame(table)
    assert isinstance(frame, TableFrame)
    assert type(frame[frame["method"] == "ugatit"]) is pandas.DataFrame
    assert json.loads(frame.to_json(orient="records"))[0]["dataset"] == "dial"


def test_a_frame_has_the_notes_of_its_table(table: Table) -> None:
    assert set(table.notes) <= set(to_frame(table).notes)
