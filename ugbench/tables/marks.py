"""Decides which cell of a block is the best of its column, and which cells are tied with it.

Which cells compete is decided in `ugbench.tables.contest`. Two checkpoints are compared by the paired difference over
images where `ugbench eval` has stored one, else by their standard errors as if they were independent. Two methods with
several seeds each are compared by Welch's t over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ugbench.statistics import seeds
from ugbench.tables.cells import Cell, Column, TiedBy
from ugbench.tables.contest import Differences, contest, differences_of
from ugbench.tables.model import Block
from ugbench.tables.rows import Row

if TYPE_CHECKING:
    from ugbench.analysis.differences import DifferenceRecord

NORMAL_95 = 1.959964  # standard errors on each side of a two-sided 95 % interval


def mark(
    blocks: Iterable[Block], columns: Sequence[Column], differences: Iterable[DifferenceRecord] = ()
) -> tuple[Block, ...]:
    """The blocks with the best cell of each column marked, and the cells that are tied with it.

    Args:
        differences: between runs, oldest first; of several for one pair of runs the newest counts.
    """
    all_differences = list(differences)
    return tuple(
        replace(block, rows=_mark_rows(block.rows, columns, differences_of(block, all_differences))) for block in blocks
    )


def _mark_rows(rows: Sequence[Row], columns: Sequence[Column], differences: Differences) -> tuple[Row, ...]:
    marked = [dict(row.cells) for row in rows]
    for column in columns:
        in_column = contest(rows, column, differences)
        if not in_column.winners:
            continue
        best = in_column.cells[in_column.winners[0]]
        for place, cell in in_column.cells.items():
            if place in in_column.winners:
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
