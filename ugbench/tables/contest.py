"""Which rows of a block compete in a column, and whether one of them can be called the best.

Scores that depend on the number of images are compared only at equal numbers: those that most rows have.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.cells import Cell, Column
from ugbench.tables.model import Block, Table
from ugbench.tables.rows import Row, RowKey

if TYPE_CHECKING:
    from ugbench.analysis.differences import DifferenceRecord

Differences = Mapping[tuple[str, frozenset[str]], "DifferenceRecord"]
"""Differences between two runs, by protocol id and the two runs' ids."""


class Numbers(NamedTuple):
    """Numbers of outputs and of references; None where they differ between the seeds of a row."""

    outputs: int | None
    references: int | None

    @property
    def are_known(self) -> bool:
        """False where a number differs between seeds: no other score has such numbers."""
        return None not in self


class Objection(NamedTuple):
    """A row that is better than the best one on the sources that both have translated, where one has fewer outputs.

    Attributes:
        place: of the row, in the block.
        n: number of these sources.
    """

    place: int
    n: int


@dataclass(frozen=True)
class Contest:
    """The rows of a block that compete in a column.

    Attributes:
        cells: the cells that are compared with each other, by their row's place in the block. Left out are `identity`
            and `real`, numbers that are not finite or not comparable, cells with fewer images than the metric needs,
            and every cell of a metric whose values are neither good nor bad. In a biased column only cells with the
            most common numbers of images are left, and none if no numbers are strictly the most common.
        numbers: the numbers of images of all rows that would compete in a biased column, by the row's place; empty
            where the column is not biased.
        too_few: the places of the rows that do not compete because they have fewer images than the metric needs.
        best: the places of the rows that no row surpasses; empty where fewer than two rows compete.
        objections: rows that stored differences show as better than the best row. If there is one, no row is called
            the best.
    """

    cells: Mapping[int, Cell]
    numbers: Mapping[int, Numbers]
    too_few: tuple[int, ...] = ()
    best: tuple[int, ...] = ()
    objections: tuple[Objection, ...] = ()

    @property
    def is_open(self) -> bool:
        """True if several rows could compete and none does, because no numbers of images are the most common."""
        return len(self.numbers) > 1 and not self.cells

    @property
    def winners(self) -> tuple[int, ...]:
        """The places of the rows that are called the best."""
        return () if self.objections else self.best


def contest(rows: Sequence[Row], column: Column, differences: Differences | None = None) -> Contest:
    """Who competes in a column of a block, and who is the best.

    Args:
        differences: those that were computed from the images of the block.
    """
    if column.higher_is_better is None:
        return Contest({}, {})
    cells = {place: row.cells[column.key] for place, row in enumerate(rows) if row.competes and column.key in row.cells}
    cells = {place: cell for place, cell in cells.items() if cell.comparable and math.isfinite(cell.value)}
    too_few = tuple(place for place, cell in cells.items() if (cell.fewest_images or 0) < column.least_images)
    cells = {place: cell for place, cell in cells.items() if place not in too_few}
    numbers = {}
    if column.biased:
        numbers = {place: Numbers(cell.n_fake, cell.n_real) for place, cell in cells.items()}
        common = _most_common(numbers)
        cells = {place: cell for place, cell in cells.items() if numbers[place] == common}
    if len(cells) < 2:
        return Contest(cells, numbers, too_few)
    value = (max if column.higher_is_better else min)(cell.value for cell in cells.values())
    best = tuple(place for place, cell in cells.items() if cell.value == value)
    objections = [_objection(place, cell, cells[best[0]], column, differences or {}) for place, cell in cells.items()]
    return Contest(cells, numbers, too_few, best, tuple(objection for objection in objections if objection is not None))


class ContestInColumn(NamedTuple):
    """A column of a block, and who competes in it."""

    block: Block
    column: Column
    contest: Contest


def contests(table: Table, differences: Iterable[DifferenceRecord]) -> list[ContestInColumn]:
    """The contest in each column of each block.

    Args:
        differences: between runs, oldest first; of several for one pair of runs the newest counts.
    """
    all_differences = list(differences)
    return [
        ContestInColumn(block, column, contest(block.rows, column, differences_of(block, all_differences)))
        for block in table.blocks
        for column in table.columns_of(block)
    ]


def between(scores: Iterable[ScoreRecord], differences: Iterable[DifferenceRecord]) -> list[DifferenceRecord]:
    """The differences between two of these scores.

    `train --eval-every` scores further steps and stores no differences, so the stored ones may be of earlier steps than
    the scores that a table shows.
    """
    by_run: dict[tuple[str, ...], list[ScoreRecord]] = {}
    for score in scores:
        by_run.setdefault((score.dataset, score.direction, score.protocol_id, score.run), []).append(score)

    def is_shown(record: DifferenceRecord, run: str, step: int | None, outputs: str | None) -> bool:
        images = (record.sources, record.references, outputs)
        return any(
            score.step == step and _are_equal_where_known(images, (score.sources, score.references, score.outputs))
            for score in by_run.get((record.dataset, record.direction, record.protocol_id, run), ())
        )

    return [
        record
        for record in differences
        if is_shown(record, record.first, record.first_step, record.first_outputs)
        and is_shown(record, record.second, record.second_step, record.second_outputs)
    ]


def differences_of(block: Block | RowKey, differences: Iterable[DifferenceRecord]) -> Differences:
    """The differences on a block's data set, direction and images; of several for one pair the last one.

    Runs have both directions, and records of older versions state no images, so images alone would mix directions.

    Args:
        block: a block, or the key of a row in it.
    """
    images = block.images
    return {
        (record.protocol_id, frozenset((record.first, record.second))): record
        for record in differences
        if (record.dataset, record.direction, record.sources) == (block.dataset, block.direction, images.sources)
        and record.references in (images.references, images.training)
    }


def _are_equal_where_known(first: Sequence[str | None], second: Sequence[str | None]) -> bool:
    """Records of older versions do not name their images."""
    return all(
        of_first == of_second for of_first, of_second in zip(first, second, strict=True) if of_first and of_second
    )


def _most_common(numbers: Mapping[int, Numbers]) -> Numbers | None:
    """The numbers that more rows have than any others; None if there are none."""
    counts = Counter(of_row for of_row in numbers.values() if of_row.are_known).most_common(2)
    if not counts or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def _objection(place: int, cell: Cell, best: Cell, column: Column, differences: Differences) -> Objection | None:
    """The objection of a row of one run, if a stored difference over fewer images has the opposite sign."""
    pair = differences.get((cell.protocol_id, frozenset((*cell.runs, *best.runs))))
    if cell.n_seeds > 1 or best.n_seeds > 1 or cell is best or pair is None:
        return None
    if pair.n >= max(cell.n_fake or 0, best.n_fake or 0):
        return None
    difference = pair.value if pair.first in cell.runs else -pair.value
    is_better = difference > 0 if column.higher_is_better else difference < 0
    return Objection(place, pair.n) if is_better else None
