"""A table for a terminal: as wide as the window, in parts below each other where the columns do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment, Segments
from rich.table import Table as RichTable
from rich.text import Text

from ugbench.tables.cells import Column, ExtraColumn
from ugbench.tables.formats.text_grid import extra_text, label_heads, labels, ranking_grid
from ugbench.tables.model import Block, Table
from ugbench.tables.numbers import number, sign
from ugbench.tables.rows import Row
from ugbench.visible import visible

GAP = 2  # spaces between columns; one of them is the box's


@dataclass(frozen=True)
class TerminalTable:
    """A rich renderable. The best of a column is bold and has a star, since a pipe shows no bold."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for block in self.table.blocks:
            columns: list[Column | ExtraColumn] = [*self.table.columns_of(block), *self.table.extra_columns_of(block)]
            yield Text(block.title, style="bold")
            for part in _parts(block, columns, options.max_width):
                yield _block_grid(block, part)
                yield ""
        for ranking in self.table.rankings:
            texts = ranking_grid(ranking)
            yield Text(texts.title, style="bold")
            grid = _empty_grid(texts.heads)
            for line in texts.lines:
                grid.add_row(*map(Text, line))
            yield grid
            yield ""
        for note in self.table.notes:
            yield Text(note.replace("Bold:", "Bold and *:"), style="dim")


def render(table: Table, plain: bool = False) -> str:
    """The table as text, as wide as the window of stdout.

    Args:
        plain: leave out bold and dim, for a file; else they are there where stdout is a terminal.
    """
    console = Console(color_system=None if plain else "auto", no_color=True, highlight=False)
    # Only rich's own codes reach the terminal: those that names bring are made visible before it adds any.
    segments = console.render(TerminalTable(table))
    safe = [Segment(visible(segment.text, keep="\n"), segment.style, segment.control) for segment in segments]
    with console.capture() as captured:
        console.print(Segments(safe))
    return captured.get()


def _parts(
    block: Block, columns: Sequence[Column | ExtraColumn], width: int
) -> Iterator[Sequence[Column | ExtraColumn]]:
    """The columns in order, as many at a time as fit to the right of the labels, at least one."""
    label_lines = [label_heads(block), *(labels(block, row) for row in block.rows)]
    room = width - sum(max(map(cell_len, texts)) for texts in zip(*label_lines, strict=True)) - GAP
    part: list[Column | ExtraColumn] = []
    used = 0
    for column in columns:
        need = max(map(cell_len, [column.title, *_texts(block, column)])) + GAP
        if part and used + need > room:
            yield part
            part, used = [], 0
        part.append(column)
        used += need
    yield part


def _block_grid(block: Block, columns: Sequence[Column | ExtraColumn]) -> RichTable:
    grid = _empty_grid([*label_heads(block), *(column.title for column in columns)])
    texts_by_column = [_texts(block, column) for column in columns]
    for row, *texts in zip(block.rows, *texts_by_column, strict=True):
        if row.competes or any(texts):
            cells = [Text(text, _style(row, column)) for text, column in zip(texts, columns, strict=True)]
            grid.add_row(*map(Text, labels(block, row)), *cells, style="" if row.competes else "dim")
    return grid


def _empty_grid(heads: Sequence[str]) -> RichTable:
    grid = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    for place, head in enumerate(heads):
        grid.add_column(Text(head), justify="right" if place else "left", overflow="fold")
    return grid


def _style(row: Row, column: Column | ExtraColumn) -> str:
    if isinstance(column, ExtraColumn):
        return ""
    cell = row.cells.get(column.key)
    return "bold" if cell is not None and cell.best else ""


def _texts(block: Block, column: Column | ExtraColumn) -> list[str]:
    """A column's texts; where one has a sign, all keep room for it, so that digits stand under digits."""
    if isinstance(column, ExtraColumn):
        return [extra_text(row, column) for row in block.rows]
    cells = [row.cells.get(column.key) for row in block.rows]
    signs = ["" if cell is None else "*" if cell.best else sign(cell) for cell in cells]
    room = 2 if any(signs) else 0
    return [
        "" if cell is None else number(cell, column.scale) + f" {text}"[:room].ljust(room)
        for cell, text in zip(cells, signs, strict=True)
    ]
