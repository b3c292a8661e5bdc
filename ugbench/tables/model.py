"""What a table is: blocks of rows whose scores may be compared, and rankings over blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from ugbench.errors import UnknownName
from ugbench.tables.cells import Column, ExtraCell, ExtraColumn
from ugbench.tables.display import DisplayNames
from ugbench.tables.order import BY_NAME, USUAL, RowOrder, arranged, names_of
from ugbench.tables.rows import UNKNOWN_IMAGES, BlockImages, Row, RowKey, natural, row_order


@dataclass(frozen=True)
class Block:
    """The rows of one data set and direction, of the same images. Scores are compared within a block only.

    Attributes:
        dataset_title: the display name of the data set; empty for its own name.
    """

    dataset: str
    direction: str
    rows: tuple[Row, ...]
    images: BlockImages = UNKNOWN_IMAGES
    dataset_title: str = ""

    @property
    def title(self) -> str:
        """Data set and direction, and the images if they need a label: `cat2dog A2B`, `cat2dog A2B, current images`."""
        name = f"{self.dataset_title or self.dataset} {self.direction}"
        return name + (f", {self.images.label}" if self.images.label else "")

    @property
    def heading(self) -> str:
        """The title without the direction, for a column of a table in which all blocks have one direction."""
        return (self.dataset_title or self.dataset) + (f", {self.images.label}" if self.images.label else "")


@dataclass(frozen=True)
class RankedMethod:
    """A method's place over several data sets, see `ugbench.statistics.ranking`.

    Attributes:
        mean_rank: the mean over data sets, after the mean over the directions of each; 1 is best.
        regret: the largest difference to the best listed method of a block, raw; 0 where it is the best everywhere.
        where: the title of the block with that difference; None where the method is the best everywhere.
        mean_rank_low and so on: 95 % intervals, for all methods at once; None where a score has no standard error.
    """

    label: str
    mean_rank: float
    regret: float
    where: str | None
    mean_rank_low: float | None = None
    mean_rank_high: float | None = None
    regret_low: float | None = None
    regret_high: float | None = None


@dataclass(frozen=True)
class Ranking:
    """Methods over several data sets, by one column.

    Attributes:
        blocks: titles of the blocks that were used.
        methods: those that compete in each of these blocks, best mean rank first.
        left_out: labels of methods that compete in some of these blocks only.
        datasets: number of data sets of these blocks.
    """

    column: Column
    blocks: tuple[str, ...]
    methods: tuple[RankedMethod, ...]
    left_out: tuple[str, ...]
    datasets: int


@dataclass(frozen=True)
class Table:
    """Blocks in reading order, and what describes them.

    Attributes:
        protocols: the protocol of each column, by id.
        notes: the caption; each note is a sentence or two.
        rankings: methods over all blocks, see `ugbench.tables.columns.ranking`.
        identifiers: hashes of protocols and weights, in sentences, for the end of the caption.
        names: the display names of rows and data sets; None if the table keeps the registered names.
        order: of rows; layouts that join rows of several blocks use it.
    """

    columns: tuple[Column, ...] = ()
    blocks: tuple[Block, ...] = ()
    protocols: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    extra_columns: tuple[ExtraColumn, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    identifiers: tuple[str, ...] = ()
    names: DisplayNames | None = None
    order: RowOrder = USUAL

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all blocks, in their order."""
        return tuple(row for block in self.blocks for row in block.rows)

    @property
    def rows_by_key(self) -> dict[RowKey, Row]:
        """The same rows by their keys."""
        return {row.key: row for row in self.rows}

    def columns_of(self, block: Block) -> tuple[Column, ...]:
        """The columns that a block shows: those in which one of its rows has a score."""
        return tuple(column for column in self.columns if any(column.key in row.cells for row in block.rows))

    def extra_columns_of(self, block: Block) -> tuple[ExtraColumn, ...]:
        """The extra columns that a block shows: those in which one of its rows has a cell."""
        return tuple(column for column in self.extra_columns if any(column.key in row.extra for row in block.rows))


def blocks_of(rows: Iterable[Row], names: DisplayNames | None = None) -> tuple[Block, ...]:
    """Rows as blocks: sorted by data set and direction, those of the current images first.

    In each block, methods stand between `identity` and `real`.

    Args:
        names: gives rows and data sets their display names; None to keep the registered ones.
    """

    def order(key: RowKey) -> tuple[Any, ...]:
        block = (natural(key.dataset), key.direction, key.images.is_current is not True, natural(key.images.label))
        return (*block, *row_order(key))

    ordered = sorted(rows, key=lambda row: order(row.key))
    if names is not None:
        ordered = [replace(row, title=names.row(row.key)) for row in ordered]
    groups = groupby(ordered, key=lambda row: (row.key.dataset, row.key.direction, row.key.images))
    return tuple(
        Block(dataset, direction, tuple(group), images, "" if names is None else names.dataset(dataset))
        for (dataset, direction, images), group in groups
    )


def order_rows(table: Table, by: str | None, first: Sequence[str] = ()) -> Table:
    """The table with the rows of each block sorted; layouts that join rows of several blocks sort them alike.

    Args:
        by: a metric of the table, or BY_NAME; None for the usual order.
        first: names of rows, with or without the fields of their configuration.
    Raises:
        UnknownName: there is no such metric or row; the message names a near one.
    """
    columns = {column.metric: column for column in reversed(table.columns)}
    if by not in (None, BY_NAME) and by not in columns:
        raise UnknownName("metric of this table (--sort)", str(by), (BY_NAME, *columns))
    known = {name for row in table.rows for name in names_of(row)}
    for name in first:
        if name not in known:
            raise UnknownName("row of this table (--order)", name, known)
    order = RowOrder(columns.get(by, BY_NAME) if by is not None else None, tuple(first))
    blocks = [
        replace(block, rows=tuple(row for (row,) in arranged([(row,) for row in block.rows], order)))
        for block in table.blocks
    ]
    return replace(table, blocks=tuple(blocks), order=order)


def add_extra_columns(
    table: Table,
    columns: Sequence[ExtraColumn],
    cells: Mapping[RowKey, Mapping[str, ExtraCell]],
    notes: Iterable[str],
) -> Table:
    """The table with extra columns to the right of those that it has, and with their notes after its own.

    Args:
        cells: cells of the new columns by `ExtraColumn.key`, for each row that has any. A row that the table lacks is
            added, without scores, to the first block of its data set and direction.
    """
    rows = table.rows_by_key
    first_images = {(block.dataset, block.direction): block.images for block in reversed(table.blocks)}
    for key, row_cells in cells.items():
        if key not in rows:
            key = key._replace(images=first_images.get((key.dataset, key.direction), key.images))
        row = rows.get(key, Row(key))
        rows[key] = replace(row, extra={**row.extra, **row_cells})
    return replace(
        table,
        blocks=blocks_of(rows.values(), table.names),
        extra_columns=(*table.extra_columns, *columns),
        notes=(*table.notes, *notes),
    )
