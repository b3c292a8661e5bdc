"""The grids that a layout makes of a table: what stands in which row and column, before any format writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ugbench.tables.cells import Cell, Column, ExtraCell
from ugbench.tables.numbers import error_text, mark_of, value_text
from ugbench.tables.rows import BASE, REAL, Row

Band = Literal["identity", "methods", "real"]
"""The parts of a panel that rules may separate: the sources as they are, the methods, real images of the target."""

NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)(?: ± (\d+(?:\.\d+)?))?( \[.*\])?$")


@dataclass(frozen=True)
class GridCell:
    """What stands in a cell.

    Attributes:
        number: a number as text, `11.61` or `-1.05`; empty if the cell holds none.
        error: the number after ±; empty if there is none.
        rest: the text after the number and its error, or all of it if there is no number.
        mark: see `ugbench.tables.numbers.mark_of`.
        best: whether the number is the best of its column.
        score: the score that the cell shows; None for any other content.
    """

    number: str = ""
    error: str = ""
    rest: str = ""
    mark: str = ""
    best: bool = False
    score: Cell | None = None

    @property
    def text(self) -> str:
        """The cell without its mark: `11.61 ± 0.57`."""
        return self.number + (f" ± {self.error}" if self.error else "") + self.rest


@dataclass(frozen=True)
class GridColumn:
    """A column of numbers.

    Attributes:
        head: heading; with a group, what distinguishes the column within it.
        group: the heading above this and the neighbours of the same group; empty for none.
        scale: numbers are scores times this.
    """

    head: str
    group: str = ""
    scale: float = 1.0

    @property
    def title(self) -> str:
        """The heading on one line."""
        return f"{self.group}: {self.head}" if self.group and self.head else self.group or self.head


@dataclass(frozen=True)
class GridRow:
    """A row: its labels, one for each of `Panel.label_heads`, and its cells, one for each of `Panel.columns`."""

    labels: tuple[str, ...]
    cells: tuple[GridCell, ...]
    band: Band = "methods"


@dataclass(frozen=True)
class Panel:
    """Rows under one line of headings.

    Attributes:
        title: tells the panel from the others of its section; empty if there is no other.
    """

    label_heads: tuple[str, ...]
    columns: tuple[GridColumn, ...]
    rows: tuple[GridRow, ...]
    title: str = ""


@dataclass(frozen=True)
class Section:
    """The part of a table that has one heading, and in a paper one caption.

    Attributes:
        key: short, for labels that a document refers to.
        remark: the names of the protocols, which stand beside the title where there is room.
        caption: the title as a whole sentence for a paper.
        ruled: whether rules separate the bands of a panel.
    """

    title: str
    panels: tuple[Panel, ...]
    key: str
    remark: str = ""
    caption: str = ""
    ruled: bool = False


@dataclass(frozen=True)
class Grids:
    """All that a readable format writes: sections, and the notes under the last one."""

    sections: tuple[Section, ...]
    notes: tuple[str, ...]


MISSING = GridCell(rest="–")


def score_cell(cell: Cell | None, column: Column, missing: GridCell) -> GridCell:
    """A score as text; `missing` where there is none."""
    if cell is None:
        return missing
    value = value_text(cell, column.scale)
    is_number = NUMBER.match(value) is not None
    return GridCell(
        number=value if is_number else "",
        error=error_text(cell, column.scale),
        rest="" if is_number else value,
        mark=mark_of(cell),
        best=cell.best,
        score=cell,
    )


def extra_cell(cell: ExtraCell | None, missing: GridCell) -> GridCell:
    """The cell of an extra column; numbers are told from other texts, so that they can be aligned."""
    if cell is None or not cell.text:
        return missing
    match = NUMBER.match(cell.text)
    return GridCell(rest=cell.text) if match is None else GridCell(match[1], match[2] or "", match[3] or "")


def band_of(row: Row) -> Band:
    """The band in which a row stands."""
    if row.competes:
        return "methods"
    return "real" if row.key.method == REAL else "identity"


def seeds_text(cells: Iterable[Cell]) -> str:
    """How many seeds the cells are means of: `3`, or `1-3` where they differ; empty without cells."""
    counts = sorted({cell.n_seeds for cell in cells})
    return "" if not counts else str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"


def label_head(rows: Sequence[Row]) -> str:
    """The heading of the labels: `variant` where all rows that compete are of one method's variants."""
    return "variant" if are_variants(rows) else "method"


def are_variants(rows: Sequence[Row]) -> bool:
    """True if the rows that compete have display names and are one method and its variants."""
    competing = [row for row in rows if row.competes]
    methods = {row.key.method for row in competing}
    has_titles = all(row.title is not None for row in competing)
    return has_titles and len(methods) == 1 and any(row.key.variant is not None for row in competing)


def variants_note(rows: Sequence[Row]) -> list[str]:
    """The sentence that names the method where rows are called by their variants; none elsewhere."""
    if not are_variants(rows):
        return []
    title = next(row.title for row in rows if row.competes and row.title is not None)
    return [f"Rows are variants of {title.method}; {BASE} is the method itself."]


def label_text(row: Row, as_variant: bool) -> str:
    """A row's label, or its short form in a table of one method's variants."""
    return row.title.short if as_variant and row.title is not None and row.competes else row.label
