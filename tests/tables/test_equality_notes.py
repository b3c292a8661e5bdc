"""The sentences with the p-values of KID's test of equality."""

from __future__ import annotations

from collections.abc import Callable

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.display import DisplayNames
from ugbench.tables.equality_notes import EQUALITY

Make = Callable[..., ScoreRecord]


def test_rows_with_a_p_value_are_named_once_for_each_data_set_and_direction(make_record: Make) -> None:
    table = build_table(
        [
            make_record("kid", "ugatit", 0.01, 0.01, p_value=0.034),
            make_record("kid", "ugatit", 0.02, 0.01, p_value=0.5, seed=1),
            make_record("kid", "real", 0.0, 0.01, p_value=0.71),
            make_record("kid", "unit", 9.0, 0.01),
            make_record("kid", "real", 0.0, 0.01, p_value=0.04, direction="B2A"),
        ]
    )
    notes = [note for note in table.notes if "p (equal)" in note]
    assert notes == [
        "kid, p (equal) of outputs and references: on dial A2B ugatit 0.034 and 0.5, real 0.71; on dial B2A real 0.04.",
        EQUALITY,
    ]


def test_a_data_set_has_the_name_that_the_table_gives_it(make_record: Make) -> None:
    table = build_table(
        [make_record("kid", "real", 0.0, 0.01, p_value=0.71)], names=DisplayNames({"dial": "dial, texture"})
    )
    assert "kid, p (equal) of outputs and references: on dial, texture A2B real 0.71." in table.notes


def test_without_a_p_value_there_is_no_sentence(make_record: Make) -> None:
    table = build_table([make_record("kid", "unit", 9.0, 0.01), make_record("lpips", "unit", 0.3)])
    assert not any("p (equal)" in note for note in table.notes)
