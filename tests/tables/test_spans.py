"""Where values and intervals are drawn under a table's numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.formats import render
from ugbench.tables.formats.spans import Span, spans
from ugbench.tables.layouts import lay_out

Make = Callable[..., ScoreRecord]


def drawn(records: list[ScoreRecord]) -> dict[str, Span]:
    """The spans of the first column by the label of the row."""
    panel = lay_out(build_table(records), "blocks").sections[0].panels[0]
    return {panel.rows[place].labels[0]: span for place, span in spans(panel, 0).items()}


def test_places_run_from_the_least_to_the_most_of_the_column(make_record: Make) -> None:
    places = drawn(
        [
            make_record("kid", "cut", 0.10, 0.01, low=0.05, high=0.15),
            make_record("kid", "ugatit", 0.25),
            make_record("kid", "identity", 0.45),
        ]
    )
    assert places["cut"].at == pytest.approx(12.5)
    assert places["cut"].interval == pytest.approx((0, 25))
    assert places["cut"].text == "95 % interval 5 to 15"  # x100, as the column's numbers are
    assert (places["ugatit"].at, places["ugatit"].interval, places["ugatit"].text) == (pytest.approx(50), None, "")
    assert places["identity"].at == pytest.approx(100)


def test_of_several_seeds_each_has_a_place_and_no_interval_is_made_up(make_record: Make) -> None:
    places = drawn(
        [
            make_record("kid", "cut", 0.1, 0.01, seed=0, low=0.0, high=0.2),
            make_record("kid", "cut", 0.3, 0.01, seed=1, low=0.2, high=0.4),
            make_record("kid", "ugatit", 0.5),
        ]
    )
    assert places["cut"].interval is None
    assert places["cut"].seeds == pytest.approx((0, 50))
    assert places["cut"].text == "seeds 10, 30"


def test_a_column_at_one_place_and_a_value_that_is_not_finite_are_not_drawn(make_record: Make) -> None:
    assert drawn([make_record("kid", "cut", 0.1)]) == {}
    places = drawn([make_record("kid", m, v) for m, v in (("cut", 0.1), ("unit", 0.2), ("ugatit", float("nan")))])
    assert set(places) == {"cut", "unit"}


def test_html_draws_them_names_every_protocol_in_the_caption_and_holds_raw_values(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.10, 0.01, low=0.05, high=0.15),
        make_record("kid", "ugatit", 0.45),
        make_record("fid", "cut", 60.0),
    ]
    text = render(build_table(records), "html")
    assert 'aria-label="95 % interval 5 to 15"' in text
    assert '<line class="interval" x1="0.0" x2="25.0"' in text
    assert re.findall(r'data-value="([^"]*)"', text) == ["0.1", "60.0", "0.45"]
    assert "protocol target: kid, fid</small></span></caption>" in text
