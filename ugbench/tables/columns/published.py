"""Published numbers beside ours: columns of their own, which no mark and no mean ever sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ugbench.published.tables import Cell, Published, published
from ugbench.tables.build import Row, Table, in_order
from ugbench.tables.extra_column import Beside, Entry

BY_NAME = (
    "Published numbers stand in rows of the same data set, direction, method and variant by name; nobody checked that "
    "images, training and scoring are the same. They are never best nor tied."
)


def add_published(table: Table, names: Iterable[str]) -> Table:
    """The table with a column for each published table, after our columns.

    A method that only a publication has gets a row of its own, in blocks that the table has. Rows of several
    imported runs of one method and variant each have its number.

    Args:
        names: as `ugbench.published.tables.published` knows them.
    Raises:
        UnknownName: there is no such published table.
    """
    found = [published(name) for name in dict.fromkeys(names)]
    if not found:
        return table
    rows = in_order([*table.rows, *_rows_of_their_own(table, found)])
    columns = tuple(_column(one) for one in found)
    return replace(
        table,
        rows=tuple(replace(row, beside={**row.beside, **_entries(row, found)}) for row in rows),
        beside=(*table.beside, *columns),
        notes=(*table.notes, BY_NAME, *_notes(table, found)),
    )


def title(table: Published) -> str:
    """`table3: KID x100, printed ±`: which table, what it measures in which unit, and whose error that is.

    >>> title(published("table2"))
    'table2: preference, % of votes'
    """
    what = table.unit if table.metric.lower() in table.unit.lower() else f"{table.metric}, {table.unit}"
    return f"{table.name}: {what}{', printed ±' if any(cell.spread is not None for cell in table.cells) else ''}"


def _column(table: Published) -> Beside:
    head = {"title": table.title, "source": table.source, "note": table.note}
    csv = (f"published_{table.name}", f"published_{table.name}_printed_error")
    return Beside(table.name, "published", title(table), csv, {**head, "metric": table.metric, "unit": table.unit})


def _rows_of_their_own(table: Table, found: Sequence[Published]) -> list[Row]:
    blocks = {(row.dataset, row.direction) for row in table.rows}
    ours = {(row.dataset, row.direction, row.method, row.variant) for row in table.rows}
    theirs = {
        (cell.dataset, cell.direction, cell.method, cell.variant): None
        for one in found
        for cell in one.cells
        if (cell.dataset, cell.direction) in blocks
    }
    return [Row(*who, None, {}) for who in theirs if who not in ours]


def _entries(row: Row, found: Iterable[Published]) -> dict[str, Entry]:
    entries = {}
    for one in found:
        cell = one.cell(row.dataset, row.direction, row.method, row.variant)
        if cell is not None:
            entries[one.name] = _entry(cell, one)
    return entries


def _entry(cell: Cell, table: Published) -> Entry:
    decimals = max(_decimals(number) for other in table.cells for number in (other.printed, other.spread or 0.0))
    text = f"{cell.printed:.{decimals}f}" + ("" if cell.spread is None else f" ± {cell.spread:.{decimals}f}")
    fields = ("value", "printed", "value_spread", "spread")
    value, error = _column(table).csv
    return Entry(text, {name: getattr(cell, name) for name in fields}, {value: cell.value, error: cell.value_spread})


def _decimals(number: float) -> int:
    return len(repr(number).partition(".")[2]) if number % 1 else 0


def _notes(table: Table, found: Sequence[Published]) -> Iterator[str]:
    """Source and note of each; tables that share a note share its sentence."""
    blocks = {(row.dataset, row.direction) for row in table.rows}
    for one in found:
        yield f"{one.name}: {one.source}."
        if not any((cell.dataset, cell.direction) in blocks for cell in one.cells):
            datasets = ", ".join(dict.fromkeys(cell.dataset for cell in one.cells))
            yield f"{one.name} has no number for these data sets, only for {datasets}."
    for note in dict.fromkeys(one.note for one in found):
        names = ", ".join(one.name for one in found if one.note == note)
        yield f"{names}: {note}"
