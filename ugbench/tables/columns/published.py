"""Published numbers in extra columns: they stand beside our scores, and no mark and no mean uses them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ugbench.published.tables import PublishedCell, PublishedTable, published_tables
from ugbench.tables.cells import ExtraCell, ExtraColumn
from ugbench.tables.model import Table, add_extra_columns
from ugbench.tables.rows import RowKey

BY_NAME = (
    "Published numbers stand in rows of the same data set, direction, method and variant by name; nobody checked that "
    "images, training and scoring are the same. They are never best nor tied."
)


def add_published(table: Table, names: Iterable[str], datasets: Collection[str] = ()) -> Table:
    """The table with a column for each published table. A name may stand for several tables of one publication.

    A method that only a publication has gets a row in the blocks that the table has. Where several imported runs have
    the same method and variant, the row of each has the published number.

    Args:
        names: see `ugbench.published.tables.published_tables`.
        datasets: data sets whose published numbers are shown even if the table has no block of them.
    Raises:
        UnknownName: there is no such published table.
    """
    chosen = {publication.name: publication for name in names for publication in published_tables(name)}
    if not chosen:
        return table
    publications = list(chosen.values())
    printed = [cell for publication in publications for cell in publication.cells]
    blocks = {(block.dataset, block.direction) for block in table.blocks}
    blocks |= {(cell.dataset, cell.direction) for cell in printed if cell.dataset in datasets}

    keys = [*(row.key for row in table.rows), *_missing_rows(table, printed, blocks)]
    cells = {key: _cells(key, publications) for key in keys}
    notes = tuple(_notes(blocks, publications))
    return add_extra_columns(table, [_column(publication) for publication in publications], cells, notes)


def unscored_datasets(datasets: Iterable[str], scored: Collection[str], names: Iterable[str]) -> list[str]:
    """The data sets of which there are published numbers, but no scores here.

    Args:
        datasets: the data sets to choose from.
        scored: the data sets that have scores.
        names: see `add_published`.
    """
    published = {cell.dataset for name in names for table in published_tables(name) for cell in table.cells}
    return [dataset for dataset in datasets if dataset in published and dataset not in scored]


def title(table: PublishedTable) -> str:
    """A column's heading: which table, what it measures in which unit, and that the error is the printed one.

    >>> [title(table) for table in (*published_tables("table2"), *published_tables("cleanfid-clean"))]
    ['table2: preference, % of votes', 'cleanfid-clean: clean-FID']
    """
    named_by_unit = table.metric.replace("-", " ") in table.unit.lower()
    quantity = table.unit if named_by_unit else f"{table.metric}, {table.unit}"
    has_spread = any(cell.spread is not None for cell in table.cells)
    return f"{table.name}: {quantity}{', printed ±' if has_spread else ''}"


def _column(table: PublishedTable) -> ExtraColumn:
    description: dict[str, Any] = {name: getattr(table, name) for name in ("title", "source", "url", "metric", "unit")}
    description["note"] = " ".join(table.notes)
    description["protocol"] = None if table.protocol is None else asdict(table.protocol)
    csv_heads = (f"published_{table.name}", f"published_{table.name}_printed_error")
    return ExtraColumn(table.name, "published", title(table), csv_heads, description)


def _missing_rows(table: Table, printed: Iterable[PublishedCell], blocks: Collection[tuple[str, str]]) -> list[RowKey]:
    """The rows of methods and variants that have a published number in one of the blocks, but no row there."""
    present = {row.key[:4] for row in table.rows}
    keys = [
        RowKey(cell.dataset, cell.direction, cell.method, cell.variant)
        for cell in printed
        if (cell.dataset, cell.direction) in blocks
    ]
    return [key for key in keys if key[:4] not in present]


def _cells(key: RowKey, publications: Sequence[PublishedTable]) -> dict[str, ExtraCell]:
    """A row's cells by the names of the published tables that have a number for it."""
    return {
        publication.name: _extra_cell(cell, publication)
        for publication in publications
        if (cell := publication.cell(*key[:4])) is not None
    }


def _extra_cell(cell: PublishedCell, table: PublishedTable) -> ExtraCell:
    raw = {name: getattr(cell, name) for name in ("value", "printed", "value_spread", "spread")}
    return ExtraCell(table.text(cell), raw, (cell.value, cell.value_spread))


def _notes(blocks: Collection[tuple[str, str]], publications: Sequence[PublishedTable]) -> Iterator[str]:
    """The source of each table, how it was computed, and its notes; a text of several tables stands once.

    For a table without a number in these blocks there is only a note that says so.
    """
    with_number = {
        publication.name: {
            f"{cell.dataset} {cell.direction}" for cell in publication.cells if (cell.dataset, cell.direction) in blocks
        }
        for publication in publications
    }
    shown = [publication for publication in publications if with_number[publication.name]]
    if shown:
        yield BY_NAME
    yield from _shared((publication.name, f"{publication.source} ({publication.url}).") for publication in shown)
    yield from _without_number([publication for publication in publications if publication not in shown])
    yield from _shared(
        (publication.name, f"protocol: {publication.protocol.text(with_number[publication.name])}.")
        for publication in shown
        if publication.protocol is not None
    )
    yield from _shared((publication.name, note) for publication in shown for note in publication.notes)


def _without_number(publications: Sequence[PublishedTable]) -> Iterator[str]:
    """Which tables have no number here, and for which data sets they have some."""
    names: dict[str, list[str]] = {}
    for publication in publications:
        datasets = ", ".join(dict.fromkeys(cell.dataset for cell in publication.cells))
        names.setdefault(datasets, []).append(publication.name)
    for datasets, of_datasets in names.items():
        verb = "has" if len(of_datasets) == 1 else "have"
        yield f"{', '.join(of_datasets)} {verb} no number for these data sets, only for {datasets}."


def _shared(texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Each text once, after the names of all tables that have it."""
    names: dict[str, list[str]] = {}
    for name, text in texts:
        names.setdefault(text, []).append(name)
    for text, of_text in names.items():
        yield f"{', '.join(of_text)}: {text}"
