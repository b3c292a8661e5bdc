"""Reads the tables of published numbers, which are shown beside our scores and never under one of our protocols."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from ugbench.errors import UnknownName


@dataclass(frozen=True)
class PublishedCell:
    """One number of a published table, with the names that a score record would have.

    Attributes:
        variant: None for the method's base.
        printed: the number as the source prints it, in the table's unit.
        spread: what the source prints after ±, in the same unit; None where it prints nothing.
        value, value_spread: the same two in the raw unit of score records, never x100.
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
class PublishedTable:
    """One published table.

    Attributes:
        name: as in `--published NAME`.
        title: what the table is, in one line.
        source: authors, title, where it was published, and which table.
        metric: kid, or preference (a share of votes).
        unit: unit of the printed numbers.
        scale: raw value of one printed unit.
        note: what must be said wherever its numbers are shown: that their protocol is not known, and why.
        cells: in the source's order; what the source leaves open has no cell.
    """

    name: str
    title: str
    source: str
    metric: str
    unit: str
    scale: float
    note: str
    cells: tuple[PublishedCell, ...]

    def cell(self, dataset: str, direction: str, method: str, variant: str | None = None) -> PublishedCell | None:
        """The cell of a method or variant on one data set and direction; None where the source has none."""
        place = (dataset, direction, method, variant)
        for cell in self.cells:
            if (cell.dataset, cell.direction, cell.method, cell.variant) == place:
                return cell
        return None


def published_names() -> tuple[str, ...]:
    """The names that `published_table` knows, sorted."""
    folder = files("ugbench.published")
    return tuple(sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json")))


def published_table(name: str) -> PublishedTable:
    """A published table by name: table1, table2 or table3 of the U-GAT-IT paper, or `remeasured`.

    Raises:
        UnknownName: there is no such table; the message names a near one.
    """
    if name not in published_names():
        raise UnknownName("published table", name, published_names())
    fields = json.loads(files("ugbench.published").joinpath(f"{name}.json").read_text(encoding="utf-8"))
    scale = fields["scale"]
    cells = tuple(
        PublishedCell(
            **cell,
            value=cell["printed"] * scale,
            value_spread=None if cell["spread"] is None else cell["spread"] * scale,
        )
        for cell in fields.pop("cells")
    )
    return PublishedTable(name, **fields, cells=cells)
