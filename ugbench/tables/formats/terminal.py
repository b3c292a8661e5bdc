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

from ugbench.tables.layouts.grid import Grids, Panel
from ugbench.visible import visible

GAP = 2  # spaces between columns; one of them is the box's


@dataclass(frozen=True)
class TerminalTable:
    """A rich renderable. The best of a column is bold and has a star, since a pipe shows no bold."""

    grids: Grids

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for section in self.grids.sections:
            yield Text(section.title, style="bold")
            for panel in section.panels:
                if panel.title:
                    yield Text(panel.title)
                for places in _parts(panel, options.max_width):
                    yield _rich_table(panel, places, section.ruled)
                    yield ""
        for note in self.grids.notes:
            yield Text(note.replace("Bold:", "Bold and *:"), style="dim")


def render(grids: Grids, plain: bool = False) -> str:
    """The grids as text, as wide as the window of stdout.

    Args:
        plain: leave out bold and dim, for a file; otherwise they are used if stdout is a terminal.
    """
    console = Console(color_system=None if plain else "auto", no_color=True, highlight=False)
    # Only rich's own codes reach the terminal: control codes in names are made visible before.
    segments = console.render(TerminalTable(grids))
    safe = [Segment(visible(segment.text, keep="\n"), segment.style, segment.control) for segment in segments]
    with console.capture() as captured:
        console.print(Segments(safe))
    return captured.get()


def _parts(panel: Panel, width: int) -> Iterator[Sequence[int]]:
    """The places of the columns in order, as many at a time as fit to the right of the labels, at least one."""
    label_lines = [panel.label_heads, *(row.labels for row in panel.rows)]
    room = width - sum(max(map(cell_len, texts)) for texts in zip(*label_lines, strict=True)) - GAP
    part: list[int] = []
    used = 0
    for place, column in enumerate(panel.columns):
        need = max(map(cell_len, [column.title, *_texts(panel, place)])) + GAP
        if part and used + need > room:
            yield part
            part, used = [], 0
        part.append(place)
        used += need
    yield part


def _rich_table(panel: Panel, places: Sequence[int], ruled: bool) -> RichTable:
    lines = box.HORIZONTALS if ruled else box.SIMPLE_HEAD
    grid = RichTable(box=lines, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    for number, head in enumerate([*panel.label_heads, *(panel.columns[place].title for place in places)]):
        grid.add_column(Text(head), justify="right" if number else "left", overflow="fold")
    texts_by_column = [_texts(panel, place) for place in places]
    band = None
    for row, *texts in zip(panel.rows, *texts_by_column, strict=True):
        if row.band == "methods" or any(text.strip() for text in texts):
            if ruled and band not in (None, row.band):
                grid.add_section()
            band = row.band
            styles = ["bold" if row.cells[place].best else "" for place in places]
            cells = [Text(text, style) for text, style in zip(texts, styles, strict=True)]
            grid.add_row(*map(Text, row.labels), *cells, style="" if row.band == "methods" else "dim")
    return grid


def _texts(panel: Panel, place: int) -> list[str]:
    """A column's texts; where one has a mark, all keep room for it, so that digits stand under digits."""
    cells = [row.cells[place] for row in panel.rows]
    marks = ["*" if cell.best else cell.mark for cell in cells]
    room = 2 if any(marks) else 0
    return [
        cell.text + f" {mark}"[:room].ljust(room) if cell.text else "" for cell, mark in zip(cells, marks, strict=True)
    ]
