"""Decides which cell of a block is the best of its column, and which cells cannot be told from it.

Which cells compete is decided in `ugbench.tables.contest`. The best cell was chosen by looking at all of them, so any
two cells could have become a comparison with the best. Therefore the p-values of all pairs of competing cells are one
family, adjusted by Holm's method; in a column of equal methods the chance that any of them is called worse than the
best is at most 5 % (docs/statistics.md has the simulations).

Two methods with equally many seeds are compared by the exact test over seeds, and two checkpoints by Student's t of the
paired difference over images where `ugbench eval` has stored one. Both are the tests of `ugbench differences`. Where
none is stored, t is that of two independent scores. Cells of different numbers of seeds are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ugbench.statistics import holm
from ugbench.statistics.paired_test import paired_p
from ugbench.statistics.relabelling import exact_p_values, smallest_p
from ugbench.statistics.seeds import ALPHA
from ugbench.tables.cells import Cell, Column, TiedBy
from ugbench.tables.contest import Differences, contest, differences_of
from ugbench.tables.model import Block
from ugbench.tables.rows import Row

if TYPE_CHECKING:
    from ugbench.analysis.differences import DifferenceRecord


def mark(
    blocks: Iterable[Block], columns: Sequence[Column], differences: Iterable[DifferenceRecord] = ()
) -> tuple[Block, ...]:
    """The blocks with the best cell of each column marked, and the cells that cannot be told from it.

    Args:
        differences: between runs, oldest first; of several for one pair of runs the newest counts.
    """
    all_differences = list(differences)
    return tuple(
        replace(block, rows=_mark_rows(block.rows, columns, differences_of(block, all_differences))) for block in blocks
    )


class _Test(NamedTuple):
    """The comparison of two cells.

    Attributes:
        p_value: None if these two cells are not tested.
        smallest: the smallest p-value that such a test can give; 1 if there are too few images for the test.
        rule: how they were compared; None if they are not compared.
    """

    p_value: float | None = None
    smallest: float = 0.0
    rule: TiedBy | None = None


def _mark_rows(rows: Sequence[Row], columns: Sequence[Column], differences: Differences) -> tuple[Row, ...]:
    marked = [dict(row.cells) for row in rows]
    for column in columns:
        in_column = contest(rows, column, differences)
        if not in_column.winners:
            continue
        for place, cell in _marked(in_column.cells, in_column.winners, differences).items():
            marked[place][column.key] = cell
    return tuple(replace(row, cells=cells) for row, cells in zip(rows, marked, strict=True))


def _marked(cells: Mapping[int, Cell], winners: tuple[int, ...], differences: Differences) -> dict[int, Cell]:
    """The competing cells of a column with their marks, by the place of their rows."""
    pairs = list(combinations(cells, 2))
    tests = _tests([(cells[first], cells[second]) for first, second in pairs], differences)
    adjusted = holm.adjusted([test.p_value for test in tests])
    best, marked = winners[0], {}
    for (first, second), test, p_value in zip(pairs, tests, adjusted, strict=True):
        if best not in (first, second):
            continue
        place = second if first == best else first
        if place in winners or test.rule is None:
            continue
        too_few = test.smallest * len(pairs) > ALPHA
        tied = None if too_few or p_value is None else p_value > ALPHA
        marked[place] = replace(cells[place], tied_with_best=tied, too_few=too_few, tied_by=test.rule)
    of_winners = {
        place: replace(cells[place], best=True, tied_with_best=None if cells[place].se is None else False)
        for place in winners
    }
    return {**cells, **marked, **of_winners}


def _tests(pairs: Sequence[tuple[Cell, Cell]], differences: Differences) -> list[_Test]:
    """The test of each pair of cells. Those over equally many seeds share a pass over the relabellings."""
    over_seeds: dict[int, list[int]] = {}
    for place, (first, second) in enumerate(pairs):
        if first.n_seeds == second.n_seeds > 1:
            over_seeds.setdefault(first.n_seeds, []).append(place)
    tests = [_test(first, second, differences) for first, second in pairs]
    for seeds, places in over_seeds.items():
        groups = [np.array([list(pairs[place][side].runs.values()) for place in places]) for side in (0, 1)]
        smallest = smallest_p(seeds, seeds)
        for place, p_value in zip(places, exact_p_values(*groups), strict=True):
            tests[place] = _Test(float(p_value), smallest, "seeds")
    return tests


def _test(first: Cell, second: Cell, differences: Differences) -> _Test:
    """The test of two cells of one seed each; no test for others."""
    if first.n_seeds != second.n_seeds or first.n_seeds > 1:
        return _Test()
    pair = differences.get((first.protocol_id, frozenset((*first.runs, *second.runs))))
    if pair is not None:
        images = min(pair.n, pair.n_real)
        return _images_test(pair.value, pair.se, images, "paired")
    if first.se is None or second.se is None or first.fewest_images is None or second.fewest_images is None:
        return _Test()
    se = (first.se**2 + second.se**2) ** 0.5
    images = min(first.fewest_images, second.fewest_images)
    return _images_test(first.value - second.value, se, images, "unpaired")


def _images_test(difference: float, se: float, images: int, rule: TiedBy) -> _Test:
    p_value = paired_p(difference, se, images)
    return _Test(p_value, 1.0 if p_value is None else 0.0, rule)
