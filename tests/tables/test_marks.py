"""Which cell is the best, and by what the others are told from it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
import torch

from ugbench.analysis.differences import DifferenceRecord
from ugbench.metrics import kid
from ugbench.scoring.record import ScoreRecord
from ugbench.statistics.paired import paired
from ugbench.statistics.permutation import compare, over_family
from ugbench.tables.build import build_table
from ugbench.tables.cells import Cell
from ugbench.tables.mark_notes import UNEQUAL_SEEDS
from ugbench.tables.model import Table

Make = Callable[..., ScoreRecord]


def difference(first: str, second: str, value: float, se: float, **changes: object) -> DifferenceRecord:
    fields = {
        **{"dataset": "dial", "direction": "A2B", "metric": "kid", "protocol_id": "kid-alexnet"},
        **{"first": first, "first_step": 1000, "second": second, "second_step": 1000},
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
# t with 99 degrees of freedom has the 95 % quantile 1.984.
@pytest.mark.parametrize(("se", "tied"), [(0.02 / 1.985, False), (0.02 / 1.983, True)])
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


@pytest.mark.parametrize("other", [{"direction": "B2A"}, {"dataset": "another"}])
def test_a_difference_of_the_two_runs_elsewhere_decides_nothing(two: list[ScoreRecord], other: dict[str, str]) -> None:
    kept = [difference("c", "u", 0.02, 0.001), difference("c", "u", 0.02, 1.0, **other)]
    assert not cells(build_table(two, differences=kept))["ugatit"].tied_with_best


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "paired"),
        ({"first_step": 500}, "unpaired"),
        ({"second_step": 500}, "unpaired"),
        ({"first_outputs": "c2"}, "paired"),
        ({"first_outputs": "c1"}, "unpaired"),
        ({"second_outputs": "u1"}, "paired"),  # the record of an older version does not name its outputs
        ({"sources": "a1", "references": "b2"}, "unpaired"),
    ],
)
def test_a_difference_of_other_steps_or_outputs_than_the_shown_scores_decides_nothing(
    make_record: Make, changes: dict[str, object], rule: str
) -> None:
    """As after eval at step 500 and training to step 1000 with --eval-every, which stores no differences."""
    images = {"sources": "a1", "references": "b1"}
    records = [
        make_record("kid", "cut", 0.30, 0.02, run="c", step=500, outputs="c1", **images),
        make_record("kid", "cut", 0.10, 0.02, run="c", outputs="c2", **images),
        make_record("kid", "ugatit", 0.12, 0.02, run="u", **images),
    ]
    kept = [difference("c", "u", -0.02, 0.001, **{**images, **changes})]
    assert cells(build_table(records, differences=kept))["ugatit"].tied_by == rule


def test_of_the_differences_of_a_pair_that_of_the_shown_steps_decides(two: list[ScoreRecord]) -> None:
    kept = [difference("c", "u", -0.02, 0.001), difference("c", "u", -0.02, 1.0, first_step=500)]
    assert not cells(build_table(two, differences=kept))["ugatit"].tied_with_best


def of_seeds(make_record: Make, **values: list[float]) -> list[ScoreRecord]:
    """A record of each seed of each method."""
    return [
        make_record("kid", method, value, 0.5, seed=seed, run=f"{method}{seed}")
        for method, of_method in values.items()
        for seed, value in enumerate(of_method)
    ]


BEST = [0.10, 0.11, 0.12, 0.13, 0.14]


def test_methods_with_seeds_are_compared_over_seeds_even_where_runs_were_compared(make_record: Make) -> None:
    records = of_seeds(make_record, cut=BEST, near=[0.11, 0.12, 0.13, 0.14, 0.15], far=[0.3, 0.31, 0.32, 0.33, 0.34])
    kept = [difference("cut0", "near0", 0.01, 0.001), difference("cut0", "far0", 0.2, 10.0)]
    marked = cells(build_table(records, differences=kept))
    # Of the 252 ways to share ten seeds out two are as extreme as far's: p = 2 / 252, times three pairs.
    assert (marked["near"].tied_with_best, marked["near"].tied_by) == (True, "seeds")
    assert (marked["far"].tied_with_best, marked["far"].tied_by) == (False, "seeds")


@pytest.mark.parametrize(("rows", "seeds", "too_few"), [(2, 3, True), (2, 4, False), (3, 4, True), (3, 5, False)])
def test_with_too_few_seeds_no_gap_tells_a_row_from_the_best(
    make_record: Make, rows: int, seeds: int, too_few: bool
) -> None:
    """The smallest p of n against n seeds is 2 / C(2n, n), and there are as many tests as pairs of rows."""
    values = {f"method{row}": [1000.0 * row + seed for seed in range(seeds)] for row in range(rows)}
    table = build_table(of_seeds(make_record, **values))
    others = [cell for cell in cells(table).values() if not cell.best]
    assert {(cell.too_few, cell.tied_with_best) for cell in others} == {(too_few, None if too_few else False)}
    needed = f"with {rows} rows it takes {4 if rows == 2 else 5} seeds per row"
    assert any(note.startswith("?: too few seeds") and needed in note for note in table.notes) == too_few


def test_the_seeds_that_it_takes_are_those_of_the_column_with_too_few(make_record: Make) -> None:
    """LPIPS has no best row, so its third method takes no part in the comparisons of KID."""
    records = of_seeds(make_record, cut=[0.1, 0.2, 0.3], unit=[0.4, 0.5, 0.6])
    records += [make_record("lpips", name, 0.1) for name in ("cut", "unit", "vae")]
    (note,) = [note for note in build_table(records).notes if note.startswith("?: too few seeds")]
    assert note.endswith("with 2 rows it takes 4 seeds per row.")


def test_four_methods_that_differ_from_the_best_at_p_0046_each_are_tied_after_adjustment(make_record: Make) -> None:
    """The paired t is 2.02 with 99 degrees of freedom: p = 0.046. There are ten pairs of five rows."""
    names = ("cut", "dcl", "spa", "unit", "vae")
    records = [make_record("kid", name, 0.1 + 0.0202 * (name != "cut"), 0.02, run=name) for name in names]
    kept = [difference(name, "cut", 0.0202, 0.01) for name in names[1:]]
    kept += [difference(first, second, 0.0, 0.01) for first, second in combinations(names[1:], 2)]
    marked = cells(build_table(records, differences=kept))
    assert marked["cut"].best
    assert [marked[name].tied_with_best for name in names[1:]] == [True] * 4


def test_rows_with_other_numbers_of_seeds_than_the_best_have_no_mark_and_a_note_says_so(make_record: Make) -> None:
    records = of_seeds(make_record, cut=BEST, near=[*BEST, 0.11], one=[0.5])
    table = build_table(records)
    marked = cells(table)
    assert marked["near"].best
    assert {(cell.tied_with_best, cell.too_few) for name, cell in marked.items() if name != "near"} == {(None, False)}
    assert UNEQUAL_SEEDS in table.notes
    assert UNEQUAL_SEEDS not in build_table(of_seeds(make_record, cut=BEST, near=BEST[::-1])).notes


@pytest.mark.parametrize(("images", "too_few"), [(49, True), (50, False)])
def test_checkpoints_with_too_few_images_are_not_told_apart(make_record: Make, images: int, too_few: bool) -> None:
    records = [
        make_record("iou", name, value, 0.01, n_fake=images, higher_is_better=True)
        for name, value in (("cut", 0.9), ("unit", 0.1))
    ]
    table = build_table(records)
    unit = cells(table, "iou")["unit"]
    assert (unit.too_few, unit.tied_with_best) == (too_few, None if too_few else False)
    assert any(note.startswith("?: too few images") for note in table.notes) == too_few


def test_a_row_has_no_mark_where_differences_shows_that_the_checkpoints_differ_and_the_reverse(
    make_record: Make,
) -> None:
    """Two checkpoints are one pair in a table and one comparison of `ugbench differences`."""
    generator, verdicts = torch.Generator().manual_seed(0), []
    for shift in (0.0, 0.01, 0.02, 0.03, 0.04, 0.05) * 3:
        source, real = (torch.rand(60, 8, generator=generator) + place for place in (0.3, 0.0))
        first, second = (source + 0.1 * torch.randn(60, 8, generator=generator) for _ in range(2))
        (claim,) = over_family([compare(first, second + shift, real, permutations=19)])
        kids = (kid.compute(outputs, real) for outputs in (first, second + shift))
        records = [
            make_record("kid", name, score.value, score.se, run=name)
            for name, score in zip(("cut", "unit"), kids, strict=True)
        ]
        stored = paired(first, second + shift, real)
        kept = [difference("cut", "unit", stored.value, stored.se, n=60, n_real=60)]
        (other,) = [cell for cell in cells(build_table(records, differences=kept)).values() if not cell.best]
        assert other.tied_with_best is not claim.is_shown
        verdicts.append(claim.is_shown)
    assert 4 < sum(verdicts) < len(verdicts) - 4
