"""Which cell of a table is the best of its block, and which are not distinguishable from it.

Checkpoints are compared by the paired difference over images where `eval` has kept one, methods with several seeds
by Welch's t over seeds. Scores that hang on the number of images race only at one number.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ugbench.analysis.differences import DifferenceRecord
from ugbench.statistics import seeds

if TYPE_CHECKING:
    from ugbench.tables.build import Cell, Column, Row

SURE = 1.959964  # standard errors: a two-sided 5 %
BIASED = ("fid", "precision", "recall", "density", "coverage")  # they hang on the number of images
By = Literal["paired", "unpaired", "seeds"]
Kept = Mapping[tuple[str, frozenset[str]], DifferenceRecord]


def mark(
    rows: Sequence[Row], columns: Sequence[Column], differences: Iterable[DifferenceRecord] = ()
) -> tuple[Row, ...]:
    """The rows with the best of each data set, direction and column marked, and what is tied with it.

    Args:
        differences: oldest first; of several of one pair the newest counts.
    """
    kept = {(one.protocol_id, frozenset((one.first, one.second))): one for one in differences}
    blocks: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        blocks[row.dataset, row.direction].append(row)
    found = {where: {c.key: race(block, c) for c in columns} for where, block in blocks.items()}
    marked = []
    for row in rows:
        races = found[row.dataset, row.direction]
        cells = {key: _marked(cell, races[key], kept) for key, cell in row.cells.items()}
        marked.append(replace(row, cells=cells if row.competes else dict(row.cells)))
    return tuple(marked)


def race(block: Iterable[Row], column: Column) -> tuple[list[Cell], Cell | None]:
    """The cells of a column that compete, and the best of them."""
    if column.higher_is_better is None:
        return [], None
    cells = [row.cells[column.key] for row in block if row.competes and column.key in row.cells]
    racing = [cell for cell in cells if cell.comparable and math.isfinite(cell.value)]
    if column.metric in BIASED and racing:
        counts = Counter((cell.n_fake, cell.n_real) for cell in racing)
        ((usual, _),) = counts.most_common(1)
        racing = [cell for cell in racing if (cell.n_fake, cell.n_real) == usual]
    return racing, (max if column.higher_is_better else min)(racing, key=lambda cell: cell.value, default=None)


def _marked(cell: Cell, race: tuple[list[Cell], Cell | None], kept: Kept) -> Cell:
    racing, best = race
    if best is None or not any(cell is other for other in racing):
        return cell
    if cell.value == best.value:
        return replace(cell, best=True, tied_with_best=None if cell.se is None else False)
    tied, by = _tied(cell, best, kept)
    return replace(cell, tied_with_best=tied, tied_by=by)


def _tied(cell: Cell, best: Cell, kept: Kept) -> tuple[bool | None, By | None]:
    if cell.n_seeds > 1 and best.n_seeds > 1:
        claim = seeds.compare(list(cell.runs.values()), list(best.runs.values()))
        return (None, None) if claim.p_value is None else (claim.p_value > seeds.ALPHA, "seeds")
    if cell.n_seeds == best.n_seeds == 1:
        pair = kept.get((cell.protocol_id, frozenset((*cell.runs, *best.runs))))
        if pair is not None:
            return abs(pair.value) <= SURE * pair.se, "paired"
    if cell.se is None or best.se is None:
        return None, None
    return abs(cell.value - best.value) <= SURE * math.hypot(cell.se, best.se), "unpaired"
