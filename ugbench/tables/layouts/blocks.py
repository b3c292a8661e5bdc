"""The layout of blocks: a section for each data set and direction, a column for each metric and protocol."""

from __future__ import annotations

from ugbench.tables.layouts.grid import (
    GridCell,
    GridColumn,
    GridRow,
    Grids,
    Panel,
    Section,
    are_variants,
    band_of,
    extra_cell,
    label_head,
    label_text,
    score_cell,
    seeds_text,
    variants_note,
)
from ugbench.tables.layouts.rankings import ranking_sections
from ugbench.tables.model import Block, Table

EMPTY = GridCell()


def lay_out(table: Table) -> Grids:
    """The sections of a table's blocks and rankings, and its notes.

    A block in which a row has several seeds has a column with the number of seeds.
    """
    sections = [_section(table, block) for block in table.blocks]
    return Grids((*sections, *ranking_sections(table)), (*variants_note(table.rows), *table.notes, *table.identifiers))


def _section(table: Table, block: Block) -> Section:
    columns, extra_columns = table.columns_of(block), table.extra_columns_of(block)
    has_seeds = any(cell.n_seeds > 1 for row in block.rows for cell in row.cells.values())
    as_variants = are_variants(table.rows)
    rows = []
    for row in block.rows:
        labels = [label_text(row, as_variants)]
        if has_seeds:
            labels.append(seeds_text(row.cells.values()) if row.competes else "")
        cells = [score_cell(row.cells.get(column.key), column, EMPTY) for column in columns]
        cells += [extra_cell(row.extra.get(column.key), EMPTY) for column in extra_columns]
        rows.append(GridRow(tuple(labels), tuple(cells), band_of(row)))
    heads = [GridColumn(column.title, scale=column.scale) for column in columns]
    heads += [GridColumn(column.title) for column in extra_columns]
    label_heads = (label_head(table.rows), *(["seeds"] if has_seeds else []))
    panel = Panel(label_heads, tuple(heads), tuple(rows))
    key = f"{block.dataset}-{block.direction}"
    return Section(block.title, (panel,), key, remark=_protocols(table, block), caption=block.title)


def _protocols(table: Table, block: Block) -> str:
    """The names of the protocols of a block's columns; the notes hold each protocol in words."""
    columns_by_name: dict[str, list[str]] = {}
    for column in table.columns_of(block):
        name = str(table.protocols[column.protocol_id].get("name"))
        columns_by_name.setdefault(name, []).append(column.words)
    return "; ".join(f"protocol {name}: {', '.join(columns)}" for name, columns in columns_by_name.items())
