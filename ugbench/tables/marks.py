"""Decides which cell of a block is the best of its column, and which cells are tied with it.

Two checkpoints are compared by the paired difference over images where `ugbench eval` has stored one, else by their
standard errors as if they were independent. Two methods with several seeds each are compared by Welch's t over seeds.
Scores that depend on the number of images are compared only at equal numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ugbench.statistics import seeds
from ugbench.tables.model import Block, Cell, Column, Row, TiedBy

if TYPE_CHECKING:
    from ugbench.analysis.differences import DifferenceRecord

NORMAL_95 = 1.959964  # standard errors on each side of a two-sided 95 % interval
BIASED = ("fid", "precision", "recall", "density", "coverage")  # their expected value depends on the number of images

Differences = Mapping[tuple[str, frozenset[str]], "DifferenceRecord"]
"""Differences between two runs, by protocol id and the two runs' ids."""


def mark(
    blocks: Iterable[Block], columns: Sequence[Column], differences: Iterable[DifferenceRecord] = ()
) -> tuple[Block, ...]:
    """The blocks with the best cell of each column marked, and the cells that are tied with it.

    Args:
        differences: between runs, oldest first; of several for one pair of runs the newest counts.
    """
    all_differences = list(differences)
    return tuple(
        replace(block, rows=_mark_rows(block.rows, columns, _differences_of(block, all_differences)))
        for block in blocks
    )


def _differences_of(block: Block, differences: Iterable[DifferenceRecord]) -> Differences:
    """The differences that were computed from the images of a block."""
    images = block.images
    return {
        (record.protocol_id, frozenset((record.first, record.second))): record
        for record in differences
        if record.sources == images.sources and record.references in (images.references, images.training)
    }


def competitors(rows: Sequence[Row], column: Column) -> dict[int, Cell]:
    """The cells of a column that are compared with each other, by their row's place in `rows`.

    Left out are `identity` and `real`, numbers that are not finite or not comparable, and every cell of a metric that
    is neither good nor bad. Of a metric in BIASED only the cells with the commonest numbers of images are compared.
    """
    if column.higher_is_better is None:
        return {}
    cells = {place: row.cells[column.key] for place, row in enumerate(rows) if row.competes and column.key in row.cells}
    cells = {place: cell for place, cell in cells.items() if cell.comparable and math.isfinite(cell.value)}
    if column.metric in BIASED and cells:
        ((commonest, _),) = Counter((cell.n_fake, cell.n_real) for cell in cells.values()).most_common(1)
        cells = {place: cell for place, cell in cells.items() if (cell.n_fake, cell.n_real) == commonest}
    return cells


def _mark_rows(rows: Sequence[Row], columns: Sequence[Column], differences: Differences) -> tuple[Row, ...]:
    marked = [dict(row.cells) for row in rows]
    for column in columns:
        cells = competitors(rows, column)
        if not cells:
            continue
        best = (max if column.higher_is_better else min)(cells.values(), key=lambda cell: cell.value)
        for place, cell in cells.items():
            if cell.value == best.value:
                marked[place][column.key] = replace(cell, best=True, tied_with_best=None if cell.se is None else False)
            else:
                tied, rule = _is_tied(cell, best, differences)
                marked[place][column.key] = replace(cell, tied_with_best=tied, tied_by=rule)
    return tuple(replace(row, cells=cells) for row, cells in zip(rows, marked, strict=True))


def _is_tied(cell: Cell, best: Cell, differences: Differences) -> tuple[bool | None, TiedBy | None]:
    """Whether the cell cannot be distinguished from the best, and by which rule; None, None where nobody can say."""
    if cell.n_seeds > 1 and best.n_seeds > 1:
        comparison = seeds.compare(list(cell.runs.values()), list(best.runs.values()))
        return (None, None) if comparison.p_value is None else (comparison.p_value > seeds.ALPHA, "seeds")
    if cell.n_seeds == best.n_seeds == 1:
        pair = differences.get((cell.protocol_id, frozenset((*cell.runs, *best.runs))))
        if pair is not None:
            return abs(pair.value) <= NORMAL_95 * pair.se, "paired"
    if cell.se is None or best.se is None:
        return None, None
    return abs(cell.value - best.value) <= NORMAL_95 * math.hypot(cell.se, best.se), "unpaired"
