"""A table as CSV: a line for each row, with raw values; rankings follow after an empty line.

Texts cannot be formulas of a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from ugbench.runs.configurations import config_text
from ugbench.scoring.copies import IN_WORDS
from ugbench.tables.model import Table
from ugbench.tables.rows import Row
from ugbench.visible import visible

FORMULA = ("=", "+", "-", "@")
FIELDS = ("value", "se", "n_seeds", "protocol_id")  # of a score, in four columns beside each other
LIMITS = ("mean_rank_low", "mean_rank_high", "regret_low", "regret_high")
RANKING_HEADS = ("metric", "protocol_id", "label", "mean_rank", "regret", "where", *LIMITS)


def render(table: Table) -> str:
    """The table as CSV text; a cell without a number is empty.

    `images` tells the blocks of one data set and direction apart; it is there only if there are several.
    `config` holds the fields in which the configurations of a method differ, as in `steps 30, precision bf16`.
    `codes_per_image` is there if a method has a style. `n_missing` and `copies_of_references`, `copies_of_training` and
    `copies_of_inputs` are there if a row has such outputs; they are sums over seeds.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")

    def write(cells: Iterable[object]) -> None:
        writer.writerow([_safe(cell) if isinstance(cell, str) else cell for cell in cells])

    heads, rows = raw_rows(table)
    write(heads)
    for row in rows:
        write(row)
    if table.rankings:
        out.write("\n")
        write(RANKING_HEADS)
    for ranking in table.rankings:
        for method in ranking.methods:
            write([ranking.column.metric, ranking.column.protocol_id, *vars(method).values()])
    return out.getvalue()


def raw_rows(table: Table) -> tuple[list[str], list[list[object]]]:
    """The headings and the rows of `render`, with raw values and texts as they are; None where there is no value."""
    score_heads = [
        head for column in table.columns for head in (column.key, *(f"{column.key}_{field}" for field in FIELDS[1:]))
    ]
    extra_heads = [head for column in table.extra_columns for head in column.csv_heads]
    has_images = any(block.images.label for block in table.blocks)
    images_head = ["images"] if has_images else []
    has_codes = any(row.codes_per_image is not None for row in table.rows)
    codes_head = ["codes_per_image"] if has_codes else []
    missing_head = ["n_missing"] if any(map(_missing, table.rows)) else []
    kinds = [kind for kind in IN_WORDS if any(_copies(row, kind) for row in table.rows)]
    image_heads = [*codes_head, *missing_head, *(f"copies_of_{kind}" for kind in kinds)]
    heads = ["dataset", "direction", "method", "variant", *images_head, "config", *image_heads]
    rows = []
    for row in table.rows:
        cells = [row.cells.get(column.key) for column in table.columns]
        scores = [getattr(cell, field, None) for cell in cells for field in FIELDS]
        extra: list[float | None] = []
        for column in table.extra_columns:
            extra += row.extra[column.key].numbers if column.key in row.extra else [None] * len(column.csv_heads)
        images = [row.key.images.label] if has_images else []
        codes = [row.codes_per_image] if has_codes else []
        missing = [_missing(row)] if missing_head else []
        copies = [_copies(row, kind) for kind in kinds]
        config = config_text(row.key.config)
        rows.append([*row.key[:4], *images, config, *codes, *missing, *copies, *scores, *extra])
    return [*heads, *score_heads, *extra_heads], rows


def _missing(row: Row) -> int | None:
    """The largest number of missing outputs of a cell; None where no cell states it."""
    return max((cell.n_missing for cell in row.cells.values() if cell.n_missing is not None), default=None)


def _copies(row: Row, kind: str) -> int | None:
    """The largest number of outputs of a cell that are copies of originals of a kind; None if no cell states it."""
    counts = [cell.copies[kind] for cell in row.cells.values() if cell.copies is not None and kind in cell.copies]
    return max(counts, default=None)


def _safe(text: str) -> str:
    """The text as a spreadsheet shows it: one that begins like a formula gets an apostrophe before it."""
    return f"'{visible(text)}" if text.lstrip().startswith(FORMULA) or text.startswith(("\t", "\r")) else visible(text)
