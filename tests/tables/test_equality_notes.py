"""The sentence with the p-values of KID's test of equality."""

from __future__ import annotations

from collections.abc import Callable

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.equality_notes import equality_notes

Make = Callable[..., ScoreRecord]


def test_rows_with_a_p_value_are_named_once_for_each_data_set_and_direction(make_record: Make) -> None:
    notes = list(
        equality_notes(
            [
                make_record("kid", "ugatit", 0.01, 0.01, p_value=0.034),
                make_record("kid", "ugatit", 0.02, 0.01, p_value=0.5),
                make_record("kid", "real", 0.0, 0.01, p_value=0.71),
                make_record("kid", "unit", 9.0, 0.01),
                make_record("lpips", "ugatit", 0.3, 0.01),
            ]
        )
    )
    assert len(notes) == 1
    assert notes[0].startswith("kid, dial A2B: ugatit p = 0.034 and 0.5, real p = 0.71 that outputs and references")
    assert "unit" not in notes[0] and "lpips" not in notes[0]
    assert "a large p does not show that they are equal" in notes[0]


def test_without_a_p_value_there_is_no_sentence(make_record: Make) -> None:
    assert list(equality_notes([make_record("kid", "unit", 9.0, 0.01), make_record("lpips", "unit", 0.3)])) == []
