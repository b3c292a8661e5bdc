"""The tables of published numbers, to stand beside ours in columns of their own: never under one of our protocols."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from ugbench.errors import UnknownName


@dataclass(frozen=True)
class Cell:
    """One number of a table, named as a score record is (variant None is the method's base).

    Attributes:
        printed: as the source prints it, in the table's unit.
        spread: what it prints after ±, in that unit; None where there is none.
        value, value_spread: the same in the raw unit of score records, never x100.
    """

    dataset: str
    direction: Literal["A2B", "B2A"]
    method: str
    variant: str | None
    printed: float
    spread: float | None
    value: float
    value_spread: float | None


@dataclass(frozen=True)
class Published:
    """One published table.

    Attributes:
        name: as in `--published NAME`.
        title: what it is, in a line.
        source: authors, title, place, table.
        metric: kid, or preference (a share of votes).
        unit: of what is printed.
        scale: raw value of one printed unit.
        note: what must be said wherever its numbers stand: that their protocol is not known, and why.
        cells: in the source's order; what it leaves open has none.
    """

    name: str
    title: str
    source: str
    metric: str
    unit: str
    scale: float
    note: str
    cells: tuple[Cell, ...]

    def cell(self, dataset: str, direction: str, method: str, variant: str | None = None) -> Cell | None:
        """The cell of one method on one data set and direction; None where the source has none."""
        wanted = (dataset, direction, method, variant)
        for cell in self.cells:
            if (cell.dataset, cell.direction, cell.method, cell.variant) == wanted:
                return cell
        return None


def names() -> tuple[str, ...]:
    """What `published` knows, sorted."""
    folder = files("ugbench.published")
    return tuple(sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json")))


def published(name: str) -> Published:
    """The published table of that name: table1, table2 or table3 of the U-GAT-IT paper, or `remeasured`.

    Raises:
        UnknownName: there is none; the message names a near one.
    """
    if name not in names():
        raise UnknownName("published table", name, names())
    fields = json.loads(files("ugbench.published").joinpath(f"{name}.json").read_text(encoding="utf-8"))
    scale = fields["scale"]
    cells = tuple(
        Cell(
            **cell,
            value=cell["printed"] * scale,
            value_spread=None if cell["spread"] is None else cell["spread"] * scale,
        )
        for cell in fields.pop("cells")
    )
    return Published(name, **fields, cells=cells)
