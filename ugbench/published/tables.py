"""Reads published numbers, which are shown beside our scores and never under one of our protocols."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from ugbench.errors import UnknownName


@dataclass(frozen=True)
class PublishedCell:
    """One number of a published table, with the names that a score record would have.

    Attributes:
        variant: None for the method's base.
        printed: the number as the source prints it, in the table's unit.
        spread: what the source prints after ±, in the same unit; None where it prints nothing.
        value, value_spread: `printed` and `spread` in the raw unit of score records, never x100.
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
class PublishedProtocol:
    """How the numbers of a published table were computed, as far as the source or its code says; else None.

    Attributes:
        computed_by: who computed the numbers, which need not be who trained the models.
        resize: how images get their size before the extractor, with the size in pixels.
        references: which images the outputs were compared with.
        images: numbers of outputs and of references by data set and direction, such as `horse2zebra A2B`; a metric
            without references has None in the second place.
    """

    computed_by: str
    package: str | None
    version: str | None
    extractor: str | None
    resize: str | None
    image_format: str | None
    references: str | None
    images: Mapping[str, tuple[int, int | None]]

    def text(self, blocks: Collection[str]) -> str:
        """The protocol in one sentence without a full stop, with the numbers of images of these blocks alone.

        Args:
            blocks: data sets and directions, such as `horse2zebra A2B`.
        """
        aspects = {
            "package": self.package,
            "version": self.version,
            "extractor": self.extractor,
            "resize": self.resize,
            "format": self.image_format,
            "references": self.references,
        }
        parts = [f"computed by {self.computed_by}", *(f"{name}: {text}" for name, text in aspects.items() if text)]
        parts += [_counts(block, *counts) for block, counts in self.images.items() if block in blocks]
        unstated = [name for name, text in aspects.items() if text is None]
        if not self.images:
            unstated.append("numbers of images")
        return "; ".join([*parts, *([f"not stated: {', '.join(unstated)}"] if unstated else [])])


@dataclass(frozen=True)
class PublishedTable:
    """The numbers of one metric in a publication, which make one column.

    Attributes:
        name: as in `--published NAME`.
        title: what the publication's table is, in one line.
        source: authors, title, where it was published, and which table.
        url: address of the source's page.
        metric: kid, fid, inception-score or preference (a share of votes).
        unit: unit of the printed numbers.
        scale: raw value of one printed unit.
        notes: what must be said wherever its numbers are shown: first about the publication, then about this table.
        protocol: None where nothing was computed from images, as with votes.
        cells: in the source's order; where the source prints no number, there is no cell.
    """

    name: str
    title: str
    source: str
    url: str
    metric: str
    unit: str
    scale: float
    notes: tuple[str, ...]
    protocol: PublishedProtocol | None
    cells: tuple[PublishedCell, ...]

    def cell(self, dataset: str, direction: str, method: str, variant: str | None = None) -> PublishedCell | None:
        """The cell of a method or variant on one data set and direction; None where the source has none."""
        place = (dataset, direction, method, variant)
        for cell in self.cells:
            if (cell.dataset, cell.direction, cell.method, cell.variant) == place:
                return cell
        return None

    def text(self, cell: PublishedCell) -> str:
        """The printed number of one of the cells; all cells have the same number of decimals."""
        decimals = max(_decimals(number) for other in self.cells for number in (other.printed, other.spread or 0.0))
        return f"{cell.printed:.{decimals}f}" + ("" if cell.spread is None else f" ± {cell.spread:.{decimals}f}")


def published_names() -> tuple[str, ...]:
    """The names of the publications, sorted: table1, table2 and table3 of the U-GAT-IT paper, and others."""
    folder = files("ugbench.published")
    return tuple(sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json")))


def published_tables(name: str) -> tuple[PublishedTable, ...]:
    """The tables of a publication in its order, or the one table that has this name.

    Raises:
        UnknownName: there is no such publication or table; the message names a near one.
    """
    if name in published_names():
        return _read(name)
    tables = {table.name: table for publication in published_names() for table in _read(publication)}
    if name not in tables:
        raise UnknownName("published table", name, (*published_names(), *tables))
    return (tables[name],)


def _read(publication: str) -> tuple[PublishedTable, ...]:
    fields = json.loads(files("ugbench.published").joinpath(f"{publication}.json").read_text(encoding="utf-8"))
    note = fields.pop("note")
    return tuple(_table(table, note, fields) for table in fields.pop("tables"))


def _table(table: dict[str, Any], publication_note: str, publication: Mapping[str, Any]) -> PublishedTable:
    scale, protocol = table["scale"], table.pop("protocol")
    cells = tuple(
        PublishedCell(
            **cell,
            value=cell["printed"] * scale,
            value_spread=None if cell["spread"] is None else cell["spread"] * scale,
        )
        for cell in table.pop("cells")
    )
    if protocol is not None:
        protocol["images"] = {block: tuple(counts) for block, counts in protocol["images"].items()}
        protocol = PublishedProtocol(**protocol)
    notes = tuple(note for note in (publication_note, table.pop("note")) if note)
    return PublishedTable(
        **{name: publication[name] for name in ("title", "source", "url")},
        **table,
        notes=notes,
        protocol=protocol,
        cells=cells,
    )


def _decimals(number: float) -> int:
    return len(repr(number).partition(".")[2]) if number % 1 else 0


def _counts(block: str, outputs: int, references: int | None) -> str:
    return f"{block}: {outputs} outputs" + ("" if references is None else f", {references} references")
