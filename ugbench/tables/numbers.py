"""What every readable format shares: blocks of rows that may be compared, and digits worth printing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ugbench.tables.build import Cell, Column, Row, Table
from ugbench.tables.extra_column import Beside

MOST_DECIMALS = 6


@dataclass(frozen=True)
class Block:
    """The rows of one data set and direction, with the columns in which any of them has something."""

    dataset: str
    direction: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    beside: tuple[Beside, ...] = ()

    @property
    def title(self) -> str:
        """Data set and direction."""
        return f"{self.dataset} {self.direction}"

    @property
    def has_seeds(self) -> bool:
        """Whether any row is a mean over seeds, so that their number is worth a column."""
        return any(cell.n_seeds > 1 for row in self.rows for cell in row.cells.values())

    @property
    def head(self) -> list[str]:
        """Headings of all columns."""
        return [*self.labels, *(column.title for column in self.all_columns)]

    @property
    def all_columns(self) -> list[Column | Beside]:
        """The scores' columns, then those beside them."""
        return [*self.columns, *self.beside]

    @property
    def labels(self) -> list[str]:
        """Headings of the columns before the numbers."""
        return ["method", "seeds"] if self.has_seeds else ["method"]

    def label(self, row: Row) -> list[str]:
        """What stands before a row's numbers."""
        return [row.label, seeds(row)] if self.has_seeds else [row.label]


def blocks(table: Table) -> Iterator[Block]:
    """The table's blocks in its order."""
    for dataset, direction in dict.fromkeys((row.dataset, row.direction) for row in table.rows):
        rows = tuple(row for row in table.rows if (row.dataset, row.direction) == (dataset, direction))
        columns = tuple(column for column in table.columns if any(column.key in row.cells for row in rows))
        beside = tuple(column for column in table.beside if any(column.key in row.beside for row in rows))
        yield Block(dataset, direction, columns, rows, beside)


def small_tables(table: Table) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """What follows the blocks: title, headings and lines of each table of standings."""
    for one in table.across:
        yield one.title, one.head, one.lines()


def aside(row: Row, column: Beside) -> str:
    """What a column beside the scores says of a row; empty where it says nothing."""
    entry = row.beside.get(column.key)
    return "" if entry is None else entry.text


def seeds(row: Row) -> str:
    """How many seeds a row's cells are means of: `3`, or `1-3`; empty for identity and real."""
    counts = sorted({cell.n_seeds for cell in row.cells.values()})
    if not row.competes or not counts:
        return ""
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"


def number(cell: Cell, scale: float) -> str:
    """A cell's value and standard error, as `with_error` writes them.

    >>> number(Cell(0.116149, 0.00568, None, None, 1, False, None, "", True), 100)
    '11.61 ± 0.57'
    """
    return with_error(cell.value * scale, None if cell.se is None else cell.se * scale)


def with_error(value: float, se: float | None) -> str:
    """`11.61 ± 0.57`: se to 2 significant digits, the value to as many decimals; without se 4 significant."""
    if not math.isfinite(value):
        return "not finite"
    if se is None or not math.isfinite(se) or se <= 0:
        return _fixed(value, _decimals(value, 4))
    decimals = _decimals(se, 2)
    return f"{_fixed(value, decimals)} ± {_fixed(se, decimals)}"


def _decimals(number: float, significant: int) -> int:
    """Decimals that show `number` to so many significant digits, after rounding (0.0996 to two is 0.10)."""
    if number == 0:
        return significant - 1
    exponent = int(f"{number:.{significant - 1}e}".partition("e")[2])
    return min(max(significant - 1 - exponent, 0), MOST_DECIMALS)


def _fixed(number: float, decimals: int) -> str:
    text = f"{number:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def mark(cell: Cell) -> str:
    """What follows a number: ≈ tied with the best, † not comparable (ugbench.tables.notes); else nothing."""
    return "†" if not cell.comparable else "≈" if cell.tied_with_best else ""
