"""Which cell is the best, and by what the others are told from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ugbench.analysis.differences import DifferenceRecord
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.cells import Cell
from ugbench.tables.model import Table

Make = Callable[..., ScoreRecord]


def difference(first: str, second: str, value: float, se: float, **changes: object) -> DifferenceRecord:
    fields = {
        **{"dataset": "dial", "direction": "A2B", "metric": "kid", "protocol_id": "kid-alexnet"},
        **{"first": first, "first_step": 1, "second": second, "second_step": 1},
        **{"value": value, "se": se, "unpaired_se": 1.0, "n": 100, "n_real": 100},
    }
    return DifferenceRecord(**{**fields, **changes})  # type: ignore[arg-type]


def cells(table: Table, metric: str = "kid") -> dict[str, Cell]:
    return {row.label: row.cells[metric] for row in table.rows}


@pytest.fixture
def two(make_record: Make) -> list[ScoreRecord]:
    """Two checkpoints that unpaired errors cannot tell apart."""
    return [make_record("kid", "cut", 0.10, 0.02, run="c"), make_record("kid", "ugatit", 0.12, 0.02, run="u")]


def test_without_a_kept_difference_errors_are_taken_as_independent(two: list[ScoreRecord]) -> None:
    ugatit = cells(build_table(two))["ugatit"]
    assert (ugatit.tied_with_best, ugatit.tied_by) == (True, "unpaired")


@pytest.mark.parametrize("order", [("c", "u"), ("u", "c")])
@pytest.mark.parametrize(("se", "tied"), [(0.0101, False), (0.0103, True)])
def test_a_kept_difference_of_the_two_runs_decides(
    two: list[ScoreRecord], order: tuple[str, str], se: float, tied: bool
) -> None:
    ugatit = cells(build_table(two, differences=[difference(*order, 0.02, se)]))["ugatit"]
    assert (ugatit.tied_with_best, ugatit.tied_by) == (tied, "paired")


def test_of_two_differences_of_one_pair_the_newer_decides(two: list[ScoreRecord]) -> None:
    kept = [difference("c", "u", 0.02, 0.001), difference("c", "u", 0.02, 1.0)]
    assert cells(build_table(two, differences=kept))["ugatit"].tied_with_best


def test_a_difference_of_another_protocol_or_other_runs_decides_nothing(two: list[ScoreRecord]) -> None:
    kept = [difference("c", "u", 0.02, 0.001, protocol_id="other"), difference("c", "x", 0.02, 0.001)]
    assert cells(build_table(two, differences=kept))["ugatit"].tied_by == "unpaired"


def test_methods_with_seeds_are_compared_over_seeds_even_where_runs_were_compared(make_record: Make) -> None:
    records = [
        make_record("kid", method, value, 0.5, seed=seed, run=f"{method}{seed}")
        for method, values in (("cut", (0.10, 0.11, 0.12)), ("near", (0.11, 0.12, 0.13)), ("far", (0.30, 0.31, 0.32)))
        for seed, value in enumerate(values)
    ]
    kept = [difference("cut0", "near0", 0.01, 0.001), difference("cut0", "far0", 0.2, 10.0)]
    marked = cells(build_table(records, differences=kept))
    # Welch: a gap of 0.01 with a standard error of 0.0082 is nothing, one of 0.2 is something.
    assert (marked["near"].tied_with_best, marked["near"].tied_by) == (True, "seeds")
    assert (marked["far"].tied_with_best, marked["far"].tied_by) == (False, "seeds")
