"""A table for a terminal: as wide as the window, in parts below one another where the columns do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from ugbench.tables.build import Column, Row, Table
from ugbench.tables.extra_column import Beside
from ugbench.tables.layout import Block, aside, blocks, mark, number, small_tables

BETWEEN = 2  # spaces between columns, one of them the box's own


@dataclass(frozen=True)
class TerminalTable:
    """A rich renderable. The best of a column is bold and starred, since a pipe has no bold."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for block in blocks(self.table):
            yield Text(block.title, style="bold")
            for columns in _parts(block, options.max_width):
                yield _grid(block, columns)
                yield ""
        for title, head, lines in small_tables(self.table):
            yield Text(title, style="bold")
            grid = _empty_grid()
            for place, label in enumerate(head):
                grid.add_column(Text(label), justify="right" if place else "left", overflow="fold")
            for line in lines:
                grid.add_row(*map(Text, line))
            yield grid
            yield ""
        for note in self.table.notes:
            yield Text(note.replace("Bold:", "Bold and *:"), style="dim")


def _parts(block: Block, width: int) -> Iterator[list[Column | Beside]]:
    """The block's columns in order, as many at a time as fit beside the labels; one at least."""
    labels = [block.labels, *map(block.label, block.rows)]
    room = width - sum(max(map(cell_len, column)) for column in zip(*labels, strict=True)) - BETWEEN
    part: list[Column | Beside] = []
    used = 0
    for column in block.all_columns:
        need = max(map(cell_len, [column.title, *_plain(block, column)])) + BETWEEN
        if part and used + need > room:
            yield part
            part, used = [], 0
        part.append(column)
        used += need
    yield part


def _grid(block: Block, columns: list[Column | Beside]) -> RichTable:
    grid = _empty_grid()
    for place, label in enumerate(block.labels):
        grid.add_column(label, justify="right" if place else "left", overflow="fold")
    for column in columns:
        grid.add_column(Text(column.title), justify="right", overflow="fold")
    numbers = [_plain(block, column) for column in columns]
    for row, *texts in zip(block.rows, *numbers, strict=True):
        if row.competes or any(texts):
            cells = [Text(text, _style(row, column)) for text, column in zip(texts, columns, strict=True)]
            grid.add_row(*map(Text, block.label(row)), *cells, style="" if row.competes else "dim")
    return grid


def _empty_grid() -> RichTable:
    return RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")


def _style(row: Row, column: Column | Beside) -> str:
    if isinstance(column, Beside):
        return ""
    cell = row.cells.get(column.key)
    return "bold" if cell is not None and cell.best else ""


def _plain(block: Block, column: Column | Beside) -> list[str]:
    """A column's numbers; where any has a mark, all keep room for one, so that digits stand under digits."""
    if isinstance(column, Beside):
        return [aside(row, column) for row in block.rows]
    cells = [row.cells.get(column.key) for row in block.rows]
    marks = ["" if cell is None else "*" if cell.best else mark(cell) for cell in cells]
    room = 2 if any(marks) else 0
    return [
        "" if cell is None else number(cell, column.scale) + f" {own}"[:room].ljust(room)
        for cell, own in zip(cells, marks, strict=True)
    ]
