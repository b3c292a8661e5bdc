"""What a table is: blocks of rows whose scores may be compared, columns of scores, and extra columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Literal, NamedTuple

from ugbench.runs.configurations import Fields, label_with
from ugbench.runs.run import label_of

IDENTITY, REAL = "identity", "real"
"""Rows that do not compete: the sources as they are, and training images of the target domain."""

TiedBy = Literal["paired", "unpaired", "seeds"]
"""The rule by which a cell was found to be tied with the best or not, see `ugbench.tables.marks`."""


@dataclass(frozen=True)
class Cell:
    """One score of a table, raw (never x100).

    Attributes:
        se: standard error. With one seed it is the record's own, over images; with several it comes from the spread
            over seeds, sd / sqrt(n_seeds). None where there is none.
        low, high: the record's 95 % interval; None where several seeds were averaged or the record has none.
        best: True if another row competes with this one and none has a better score; see `ugbench.tables.contest`.
        tied_with_best: True if the cell is not the best, but cannot be distinguished from it. None where that cannot
            be decided: a standard error is missing, or the cell does not compete.
        comparable: False where the number may not be compared with any other (extractor `random`).
        n_fake, n_real: numbers of outputs and references; None where they differ between seeds.
        runs: each run's value by the run's id.
        tied_by: the rule that decided `tied_with_best`.
        codes_per_image: see `ScoreRecord`; None also where it differs between seeds.
        n_missing: the number of sources without an output, summed over seeds; None where no record states it.
        copies: see `ScoreRecord`, summed over seeds; None where no record states them.
    """

    value: float
    se: float | None
    low: float | None
    high: float | None
    n_seeds: int
    best: bool
    tied_with_best: bool | None
    protocol_id: str
    comparable: bool
    n_fake: int | None = None
    n_real: int | None = None
    runs: Mapping[str, float] = field(default_factory=dict)
    tied_by: TiedBy | None = None
    codes_per_image: int | None = None
    n_missing: int | None = None
    copies: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Column:
    """The scores of one metric under one protocol.

    Attributes:
        key: `metric`, or `metric@protocol_id` where the table has several protocols of the metric.
        title: heading, with the metric's scale, and with the protocol where the table has several.
        scale: readable formats print value * scale.
        higher_is_better: None where a value is neither good nor bad.
        biased: True if values compare at equal numbers of images only, see `ugbench.metric.Metric`.
    """

    key: str
    metric: str
    protocol_id: str
    title: str
    scale: float
    higher_is_better: bool | None
    biased: bool = False


@dataclass(frozen=True)
class ExtraCell:
    """The cell of an extra column.

    Attributes:
        text: what readable formats print.
        raw: what JSON holds.
        numbers: what CSV holds, one for each of the column's CSV headings.
    """

    text: str
    raw: Any
    numbers: Sequence[float | None]


@dataclass(frozen=True)
class ExtraColumn:
    """A column that is no score of ours: cost, published numbers, votes, attention. It takes no part in the marks.

    Attributes:
        key: its name in JSON, and in `Row.extra`.
        group: the JSON object of each row that holds it: about, published, votes or maps.
        title: heading.
        csv_heads: headings of its columns in CSV.
        description: what JSON holds about the whole column, once per table; None for nothing.
    """

    key: str
    group: str
    title: str
    csv_heads: tuple[str, ...]
    description: Mapping[str, Any] | None = None


class BlockImages(NamedTuple):
    """The images that the scores of a block were computed from, by their content.

    Attributes:
        label: tells the block from the others of its data set and direction; empty if there is no other and the images
            are not known to have changed since.
        sources: test images of the source domain; None if no score of the block names them.
        references, training: test and training images of the target domain; None if no score uses them.
        is_current: whether the data set had these images at the last `ugbench eval`; None if that is not known.
    """

    label: str = ""
    sources: str | None = None
    references: str | None = None
    training: str | None = None
    is_current: bool | None = None


UNKNOWN_IMAGES = BlockImages()


class RowKey(NamedTuple):
    """What identifies a row in a table: the block, and a configuration of a method, a variant or an import.

    Attributes:
        name: tells an imported checkpoint from the other runs of its method.
        config: the fields, with values as JSON, in which the configurations of the method differ; empty where it has
            one. None where the method has several and that of this row is not known, because config.json is missing.
    """

    dataset: str
    direction: str
    method: str
    variant: str | None = None
    name: str | None = None
    config: Fields | None = ()
    images: BlockImages = UNKNOWN_IMAGES


@dataclass(frozen=True)
class Row:
    """The scores of one row.

    Attributes:
        cells: by `Column.key`.
        extra: by `ExtraColumn.key`.
    """

    key: RowKey
    cells: Mapping[str, Cell] = field(default_factory=dict)
    extra: Mapping[str, ExtraCell] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The row's heading: `ugatit`, `ugatit-no-cam`, `ugatit (name)` or `ugatit (steps 30)`."""
        return label_with(label_of(self.key.method, self.key.variant, self.key.name), self.key.config)

    @property
    def competes(self) -> bool:
        """False for `identity` and `real`, which are no methods."""
        return self.key.method not in (IDENTITY, REAL)

    @property
    def codes_per_image(self) -> int | None:
        """The number of styles for each image; None for a method without a style, or if cells differ."""
        codes = {cell.codes_per_image for cell in self.cells.values()}
        return codes.pop() if len(codes) == 1 else None

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The ids of the runs that the cells were made from, each once."""
        return tuple(dict.fromkeys(run_id for cell in self.cells.values() for run_id in cell.runs))


@dataclass(frozen=True)
class Block:
    """The rows of one data set and direction, of the same images. Scores are compared within a block only."""

    dataset: str
    direction: str
    rows: tuple[Row, ...]
    images: BlockImages = UNKNOWN_IMAGES

    @property
    def title(self) -> str:
        """Data set and direction, and the images if they need a label: `cat2dog A2B`, `cat2dog A2B, current images`."""
        return f"{self.dataset} {self.direction}" + (f", {self.images.label}" if self.images.label else "")


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
    """

    columns: tuple[Column, ...] = ()
    blocks: tuple[Block, ...] = ()
    protocols: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    extra_columns: tuple[ExtraColumn, ...] = ()
    rankings: tuple[Ranking, ...] = ()

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


def blocks_of(rows: Iterable[Row]) -> tuple[Block, ...]:
    """Rows as blocks: sorted by data set and direction, those of the current images first.

    In each block, methods stand between `identity` and `real`.
    """
    place = {IDENTITY: 0, REAL: 2}

    def order(key: RowKey) -> tuple[Any, ...]:
        names = (key.method, key.variant or "", key.name or "")
        # Shorter texts first, so that 30 steps come before 120.
        config = [(len(value), value) for _, value in key.config or ()]
        block = (key.dataset, key.direction, key.images.is_current is not True, key.images.label)
        return (*block, place.get(key.method, 1), *names, config)

    ordered = sorted(rows, key=lambda row: order(row.key))
    groups = groupby(ordered, key=lambda row: (row.key.dataset, row.key.direction, row.key.images))
    return tuple(Block(dataset, direction, tuple(group), images) for (dataset, direction, images), group in groups)


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
        blocks=blocks_of(rows.values()),
        extra_columns=(*table.extra_columns, *columns),
        notes=(*table.notes, *notes),
    )
