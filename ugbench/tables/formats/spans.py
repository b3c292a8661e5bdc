"""Where a column's values and intervals lie, drawn by HTML under the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ugbench.tables.cells import Cell
from ugbench.tables.layouts.grid import Panel

NOTE = (
    "Under a number: its place in the column, from the least to the most of that data set and direction, with its "
    "95 % interval over images where the record has one; where a row has several seeds, a tick each instead."
)


@dataclass(frozen=True)
class Span:
    """Places on a line from 0 (the least of the column in its block) to 100 (the most).

    Attributes:
        at: place of the value.
        interval: places of low and high; None where the record has no interval.
        seeds: places of the seeds' values in rising order, where there are several seeds.
        text: interval or seeds in words, in the column's scale; empty where there is neither.
    """

    at: float
    interval: tuple[float, float] | None
    seeds: tuple[float, ...]
    text: str


def spans(panel: Panel, place: int) -> dict[int, Span]:
    """The spans of the scores in a column, by the place of their row; none where all values and intervals are equal."""
    cells = {number: row.cells[place].score for number, row in enumerate(panel.rows)}
    finite = {number: cell for number, cell in cells.items() if cell is not None and math.isfinite(cell.value)}
    values = [value for cell in finite.values() for value in (cell.value, *_interval(cell), *_seeds(cell))]
    if not values or min(values) == max(values):
        return {}
    least, width = min(values), max(values) - min(values)
    scale = panel.columns[place].scale
    return {number: _span(cell, scale, lambda value: 100 * (value - least) / width) for number, cell in finite.items()}


def _span(cell: Cell, scale: float, place: Callable[[float], float]) -> Span:
    interval, seeds = _interval(cell), _seeds(cell)
    text = ""
    if interval:
        text = "95 % interval " + " to ".join(f"{value * scale:.4g}" for value in interval)
    elif seeds:
        text = "seeds " + ", ".join(f"{value * scale:.4g}" for value in seeds)
    return Span(
        place(cell.value),
        (place(interval[0]), place(interval[1])) if interval else None,
        tuple(map(place, seeds)),
        text,
    )


def _interval(cell: Cell) -> tuple[float, float] | tuple[()]:
    if cell.low is None or cell.high is None or not (math.isfinite(cell.low) and math.isfinite(cell.high)):
        return ()
    return cell.low, cell.high


def _seeds(cell: Cell) -> tuple[float, ...]:
    return tuple(sorted(filter(math.isfinite, cell.runs.values()))) if cell.n_seeds > 1 else ()
