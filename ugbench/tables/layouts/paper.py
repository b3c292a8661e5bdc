"""The layout of a paper: a section for each metric and protocol, methods in rows, data sets in columns.

The directions are panels of one section. Published numbers of the same metric, and votes, have columns of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ugbench.tables.cells import Cell, Column, ExtraColumn
from ugbench.tables.layouts.grid import (
    MISSING,
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
from ugbench.tables.order import arranged
from ugbench.tables.rows import Row

Content = Column | ExtraColumn


class _Place(NamedTuple):
    """A column of a panel: what it shows, and of which block."""

    content: Content
    block: Block
    column: GridColumn


def lay_out(table: Table) -> Grids:
    """The sections of a table's metrics, of what else it shows, and of its rankings; and its notes.

    A section of votes or costs is made like one of scores. Published numbers stand beside what measures the same.
    """
    contents: list[list[Content]] = [[column] for column in table.columns]
    for extra in table.extra_columns:
        partners = [section for section in contents if _measures_the_same(section[0], extra)]
        if partners:
            for section in partners:
                section.append(extra)
        else:
            contents.append([extra])
    sections = [_section(table, section) for section in contents]
    notes = [*variants_note(table.rows), *table.notes, *_seeds_notes(table), *table.identifiers]
    return Grids((*(section for section in sections if section.panels), *ranking_sections(table)), tuple(notes))


def _measures_the_same(content: Content, extra: ExtraColumn) -> bool:
    """True if an extra column holds published numbers of what another column measures."""
    if extra.group != "published":
        return False
    metric = str((extra.description or {}).get("metric", "")).lower()
    if isinstance(content, ExtraColumn):
        return content.group != "published" and content.key.partition("@")[0] == metric
    return content.metric == metric


def _section(table: Table, contents: Sequence[Content]) -> Section:
    panels = []
    for direction in sorted({block.direction for block in table.blocks}):
        blocks = [block for block in table.blocks if block.direction == direction]
        places = [place for block in blocks for place in _places(block, contents)]
        if places:
            panels.append(_panel(table, direction, places))
    if len(panels) == 1 and len({block.direction for block in table.blocks}) == 1:
        (panel,) = panels
        panels = [Panel(panel.label_heads, panel.columns, panel.rows)]
    first, directions = contents[0], [panel.title for panel in panels if panel.title]
    rows = "variants" if are_variants(table.rows) else "methods"
    caption = f"{first.title}: {rows} by data sets"
    if directions:
        caption += f", in the directions {' and '.join(directions)}"
    key = re.sub(r"\W+", "-", first.words if isinstance(first, Column) else first.key).strip("-").lower()
    return Section(first.title, tuple(panels), key, caption=f"{caption}.", ruled=True)


def _places(block: Block, contents: Sequence[Content]) -> list[_Place]:
    """The columns that a panel has for a block: those in which one of its rows has something."""
    shown = [content for content in contents if any(_has(row, content) for row in block.rows)]
    if not shown:
        return []
    places = []
    for content in shown:
        scale = content.scale if isinstance(content, Column) else 1.0
        if len(contents) == 1:
            column = GridColumn(block.heading, scale=scale)
        else:
            own = "ours" if content is contents[0] else content.key
            column = GridColumn(own, block.heading, scale)
        places.append(_Place(content, block, column))
    return places


def _panel(table: Table, direction: str, places: Sequence[_Place]) -> Panel:
    """The rows that have something in one of the columns; rows of one method are joined over blocks."""
    blocks = list(dict.fromkeys(id(place.block) for place in places))
    groups: dict[tuple[object, ...], dict[int, Row]] = {}
    for place in places:
        for row in place.block.rows:
            if _has(row, place.content):
                groups.setdefault(row.key[2:6], {})[id(place.block)] = row
    joined = arranged(
        [tuple(rows[block] for block in blocks if block in rows) for rows in groups.values()], table.order
    )
    scores = [place.content for place in places if isinstance(place.content, Column)]
    seeds = {rows[0].key[2:6]: _cells(rows, scores) for rows in joined if rows[0].competes}
    has_seeds = len({cell.n_seeds for cells in seeds.values() for cell in cells}) > 1
    as_variants = are_variants(table.rows)
    lines = []
    for rows in joined:
        labels = [label_text(rows[0], as_variants)]
        if has_seeds:
            labels.append(seeds_text(seeds.get(rows[0].key[2:6], ())))
        by_block = groups[rows[0].key[2:6]]
        cells = tuple(_cell(by_block.get(id(place.block)), place.content) for place in places)
        lines.append(GridRow(tuple(labels), cells, band_of(rows[0])))
    heads = (label_head(table.rows), *(["seeds"] if has_seeds else []))
    return Panel(heads, tuple(place.column for place in places), tuple(lines), direction)


def _has(row: Row, content: Content) -> bool:
    if isinstance(content, Column):
        return content.key in row.cells
    return content.key in row.extra and bool(row.extra[content.key].text)


def _cell(row: Row | None, content: Content) -> GridCell:
    if row is None:
        return MISSING
    if isinstance(content, Column):
        return score_cell(row.cells.get(content.key), content, MISSING)
    return extra_cell(row.extra.get(content.key), MISSING)


def _cells(rows: Sequence[Row], columns: Sequence[Column]) -> list[Cell]:
    """The scores of a joined row, at most one for each row in it and column."""
    return [row.cells[column.key] for row in rows for column in dict.fromkeys(columns) if column.key in row.cells]


def _seeds_notes(table: Table) -> list[str]:
    """A note with the number of seeds if it is above 1 and the same for all scores of methods."""
    counts = {cell.n_seeds for row in table.rows if row.competes for cell in row.cells.values()}
    return [
        f"Each score of a method is the mean of {count} seeds." for count in counts if len(counts) == 1 and count > 1
    ]
