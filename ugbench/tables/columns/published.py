"""Published numbers in extra columns: they stand beside our scores, and no mark and no mean uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ugbench.published.tables import PublishedCell, PublishedTable, published_table
from ugbench.tables.cells import ExtraCell, ExtraColumn
from ugbench.tables.model import Table, add_extra_columns
from ugbench.tables.rows import RowKey

BY_NAME = (
    "Published numbers stand in rows of the same data set, direction, method and variant by name; nobody checked that "
    "images, training and scoring are the same. They are never best nor tied."
)


def add_published(table: Table, names: Iterable[str]) -> Table:
    """The table with a column for each published table.

    A method that only a publication has gets a row in the blocks that the table has. Where several imported runs have
    the same method and variant, the row of each has the published number.

    Args:
        names: see `ugbench.published.tables.published_table`.
    Raises:
        UnknownName: there is no such published table.
    """
    publications = [published_table(name) for name in dict.fromkeys(names)]
    if not publications:
        return table

    keys = [*(row.key for row in table.rows), *_missing_rows(table, publications)]
    cells = {key: _cells(key, publications) for key in keys}
    notes = [BY_NAME, *_notes(table, publications)]
    return add_extra_columns(table, [_column(publication) for publication in publications], cells, notes)


def title(table: PublishedTable) -> str:
    """A column's heading: which table, what it measures in which unit, and that the error is the printed one.

    >>> title(published_table("table2"))
    'table2: preference, % of votes'
    """
    quantity = table.unit if table.metric.lower() in table.unit.lower() else f"{table.metric}, {table.unit}"
    has_spread = any(cell.spread is not None for cell in table.cells)
    return f"{table.name}: {quantity}{', printed ±' if has_spread else ''}"


def _column(table: PublishedTable) -> ExtraColumn:
    description = {name: getattr(table, name) for name in ("title", "source", "note", "metric", "unit")}
    csv_heads = (f"published_{table.name}", f"published_{table.name}_printed_error")
    return ExtraColumn(table.name, "published", title(table), csv_heads, description)


def _missing_rows(table: Table, publications: Sequence[PublishedTable]) -> list[RowKey]:
    """The rows of methods and variants that have a published number in a block of the table, but no row there."""
    blocks = {(block.dataset, block.direction) for block in table.blocks}
    present = {row.key[:4] for row in table.rows}
    printed = [
        RowKey(cell.dataset, cell.direction, cell.method, cell.variant)
        for publication in publications
        for cell in publication.cells
        if (cell.dataset, cell.direction) in blocks
    ]
    return [key for key in printed if key[:4] not in present]


def _cells(key: RowKey, publications: Sequence[PublishedTable]) -> dict[str, ExtraCell]:
    """A row's cells by the names of the published tables that have a number for it."""
    return {
        publication.name: _extra_cell(cell, publication)
        for publication in publications
        if (cell := publication.cell(*key[:4])) is not None
    }


def _extra_cell(cell: PublishedCell, table: PublishedTable) -> ExtraCell:
    decimals = max(_decimals(number) for other in table.cells for number in (other.printed, other.spread or 0.0))
    text = f"{cell.printed:.{decimals}f}" + ("" if cell.spread is None else f" ± {cell.spread:.{decimals}f}")
    raw = {name: getattr(cell, name) for name in ("value", "printed", "value_spread", "spread")}
    return ExtraCell(text, raw, (cell.value, cell.value_spread))


def _decimals(number: float) -> int:
    return len(repr(number).partition(".")[2]) if number % 1 else 0


def _notes(table: Table, publications: Sequence[PublishedTable]) -> Iterator[str]:
    """The source of each table, then their notes; tables with the same note share a sentence."""
    blocks = {(block.dataset, block.direction) for block in table.blocks}
    for publication in publications:
        yield f"{publication.name}: {publication.source}."
        if not any((cell.dataset, cell.direction) in blocks for cell in publication.cells):
            datasets = ", ".join(dict.fromkeys(cell.dataset for cell in publication.cells))
            yield f"{publication.name} has no number for these data sets, only for {datasets}."
    for note in dict.fromkeys(publication.note for publication in publications):
        names = ", ".join(publication.name for publication in publications if publication.note == note)
        yield f"{names}: {note}"
