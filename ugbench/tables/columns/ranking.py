"""Ranks methods over the data sets of a table: mean rank, and the largest difference to the best method of a block."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ugbench.errors import UsageError
from ugbench.statistics.ranking import Estimate, standings
from ugbench.tables.cells import Cell, Column
from ugbench.tables.contest import contest
from ugbench.tables.model import RankedMethod, Ranking, Table

Scores = Mapping[tuple[str, str], Mapping[str, Estimate]]
"""Scores by data set and title of the block, and by label."""


def add_rankings(table: Table) -> Table:
    """The table with a ranking by each column in which one score is better than another.

    A block is used where two methods or more compete in the column, see `ugbench.tables.contest`. Only
    methods that compete in every such block are ranked; the notes name the blocks and the methods left out.

    Raises:
        UsageError: no column has two methods in two such blocks.
    """
    columns = [column for column in table.columns if column.higher_is_better is not None]
    candidates = [_ranking(column, _values(table, column)) for column in columns]
    rankings = [ranking for ranking in candidates if ranking is not None]
    if not rankings:
        raise UsageError(
            "--across needs two data sets or directions that two methods share, scored by one metric and protocol; "
            "score more with `ugbench eval`, or leave out data sets with --dataset."
        )
    return replace(table, rankings=tuple(rankings), notes=(*table.notes, *_notes(rankings, columns)))


def _values(table: Table, column: Column) -> Scores:
    """The scores that compete in a column, of blocks with two or more.

    Blocks of images that a data set no longer has are left out.
    """
    by_block = {
        (block.dataset, block.title): {
            block.rows[place].label: _estimate(cell) for place, cell in contest(block.rows, column).cells.items()
        }
        for block in table.blocks
        if block.images.is_current is not False
    }
    return {block: values for block, values in by_block.items() if len(values) > 1}


def _estimate(cell: Cell) -> Estimate:
    """A cell's score. The error has one degree of freedom fewer than seeds, or than images if there is one seed."""
    images = [number for number in (cell.n_fake, cell.n_real) if number is not None]
    count = cell.n_seeds if cell.n_seeds > 1 else min(images, default=float("inf"))
    se = cell.se if cell.se is not None and math.isfinite(cell.se) and count > 1 else None
    return Estimate(cell.value, se, count - 1)


def _ranking(column: Column, values: Scores) -> Ranking | None:
    """The ranking by one column; None where no two methods compete in two blocks."""
    labels = list(dict.fromkeys(label for by_label in values.values() for label in by_label))
    ranked = [label for label in labels if all(label in by_label for by_label in values.values())]
    if len(values) < 2 or len(ranked) < 2:
        return None
    shared = {block: {label: by_label[label] for label in ranked} for block, by_label in values.items()}
    methods = [
        RankedMethod(
            label,
            standing.mean_rank,
            standing.regret,
            standing.worst if standing.regret > 0 else None,
            standing.mean_rank_low,
            standing.mean_rank_high,
            standing.regret_low,
            standing.regret_high,
        )
        for label, standing in standings(shared, bool(column.higher_is_better)).items()
    ]
    left_out = tuple(label for label in labels if label not in ranked)
    return Ranking(
        column,
        tuple(title for _, title in values),
        tuple(methods),
        left_out,
        len({dataset for dataset, _ in values}),
    )


def _notes(rankings: Sequence[Ranking], columns: Sequence[Column]) -> Iterator[str]:
    yield (
        "Across: mean rank (1 is best) over data sets, after the mean over the directions of each; and largest regret, "
        "the most by which a method is worse than the best listed one of a data set and direction."
    )
    if any(method.mean_rank_low is not None for ranking in rankings for method in ranking.methods):
        yield (
            "Across, in brackets: 95 % intervals, right for all methods of a ranking at once, for other images or "
            "seeds like those behind the standard errors, on these data sets; nothing is claimed about other data "
            "sets. A regret whose interval begins at 0 may be chance."
        )
    for ranking in rankings:
        left_out = f"; not {', '.join(ranking.left_out)}, which lack some" if ranking.left_out else ""
        yield f"Across, {ranking.column.title}: {', '.join(ranking.blocks)}{left_out}."
    without = [ranking.column.title for ranking in rankings if ranking.methods[0].mean_rank_low is None]
    if without:
        yield f"Across has no intervals for {', '.join(without)}: a score has no standard error."
    ranked = [ranking.column for ranking in rankings]
    unranked = [column.title for column in columns if column not in ranked]
    if unranked:
        yield f"Across has no {', '.join(unranked)}: fewer than two methods compete in two data sets or directions."
