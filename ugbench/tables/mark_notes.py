"""The sentences under a table that explain its marks and its errors: bold, ≈, ?, † and ±."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ugbench.statistics.paired_test import LEAST_IMAGES
from ugbench.statistics.seeds import seeds_to_test
from ugbench.tables.cells import Column, TiedBy
from ugbench.tables.model import Block, Table

BEST = "Bold: the best of its column on that data set and direction, identity and real aside."
TIED = "≈: not distinguishable from the best"
TIED_BY: Mapping[TiedBy, str] = {
    "paired": "checkpoints by t of the paired difference over images",
    "unpaired": "checkpoints by t over images, as if the scores were independent",
    "seeds": "methods by the exact test over seeds",
}
ADJUSTED = "p > 0.05 after Holm's adjustment over all pairs of rows of the column"
NOT_COMPARABLE = "†: comparable with no other number (features of an untrained network), so never best."
SE_IMAGES = "±: standard error over images; one seed each."
SE_SEEDS = (
    "±: standard error: over seeds (sd / √n), for these test images, where a row has several; over images, which "
    "leaves out how much trainings differ, where it has one."
)
CONFIGURATIONS = (
    "Configurations of a method are rows of their own, named by the fields in which they differ; "
    "--where FIELD=VALUE chooses."
)
UNEQUAL_SEEDS = "Rows with another number of seeds than the best row have no ≈ and no ?: they are not compared with it."


def mark_notes(table: Table) -> Iterator[str]:
    """The sentences about marks and errors that occur in the table."""
    cells = [cell for row in table.rows for cell in row.cells.values()]
    if any(cell.best for cell in cells):
        yield BEST
    rules = {cell.tied_by for cell in cells}
    if any(cell.tied_with_best for cell in cells):
        how = "; ".join(text for rule, text in TIED_BY.items() if rule in rules)
        yield f"{TIED} ({how}; {ADJUSTED})."
    yield from _too_few(table)
    if any(not cell.comparable for cell in cells):
        yield NOT_COMPARABLE
    if any(cell.se is not None for cell in cells):
        yield SE_SEEDS if any(cell.n_seeds > 1 for cell in cells) else SE_IMAGES
    yield from _crossed(table)
    if any(_has_unequal_seeds(block, column) for block in table.blocks for column in table.columns_of(block)):
        yield UNEQUAL_SEEDS
    if any(row.key.config != () for row in table.rows):
        yield CONFIGURATIONS


def _crossed(table: Table) -> Iterator[str]:
    """How large the errors are for other test images: for each column the cell in which they grow most."""
    for column in table.columns:
        cells = [
            (cell.crossed.se / cell.se, f"{row.label} on {block.title}", cell.crossed.se, cell.se)
            for block in table.blocks
            for row in block.rows
            if (cell := row.cells.get(column.key)) is not None and cell.crossed is not None and cell.se
        ]
        if cells:
            _, row_and_block, crossed, se = max(cells, key=lambda cell: cell[0])
            yield (
                f"{column.metric}: for other test images like these the errors are larger: over seeds and images that "
                f"of {row_and_block} is {crossed * column.scale:.2g}, not "
                f"{se * column.scale:.2g} (--format json has all)."
            )


def _has_unequal_seeds(block: Block, column: Column) -> bool:
    """True if a row competes with the best one and has another number of seeds."""
    best = [cell.n_seeds for row in block.rows if (cell := row.cells.get(column.key)) is not None and cell.best]
    numbers = {cell.n_seeds for row in block.rows if row.competes and (cell := row.cells.get(column.key)) is not None}
    return bool(best) and numbers != {best[0]}


def _too_few(table: Table) -> Iterator[str]:
    """What ? means in this table: too few seeds, too few images, or both; and how many it takes."""
    rows_of_seeds, of_images = [], False
    for block in table.blocks:
        for column in table.columns_of(block):
            cells = [row.cells[column.key] for row in block.rows if row.competes and column.key in row.cells]
            few = {cell.tied_by for cell in cells if cell.too_few}
            if "seeds" in few:
                rows_of_seeds.append(sum(cell.comparable for cell in cells))
            of_images = of_images or bool(few - {"seeds"})
    if rows_of_seeds:
        rows = max(rows_of_seeds)
        yield (
            f"?: too few seeds to tell whether the row differs from the best, however large the gap; with {rows} rows "
            f"it takes {seeds_to_test(math.comb(rows, 2))} seeds per row."
        )
    if of_images:
        yield f"?: too few images to tell whether the checkpoints differ; it takes {LEAST_IMAGES} per set."
