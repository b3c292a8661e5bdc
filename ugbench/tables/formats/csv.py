"""A table as CSV: a line for each row, with raw values; rankings follow after an empty line."""

from __future__ import annotations

import csv as csv_module
import io

from ugbench.tables.model import Table

FIELDS = ("value", "se", "n_seeds", "protocol_id")  # of a score, in four columns beside each other
RANKING_HEADS = ("metric", "protocol_id", "label", "mean_rank", "regret", "where")


def csv(table: Table) -> str:
    """The table as CSV text; a cell without a number is empty."""
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    score_heads = [
        head for column in table.columns for head in (column.key, *(f"{column.key}_{field}" for field in FIELDS[1:]))
    ]
    extra_heads = [head for column in table.extra_columns for head in column.csv_heads]
    writer.writerow(["dataset", "direction", "method", "variant", *score_heads, *extra_heads])
    for block in table.blocks:
        for row in block.rows:
            cells = [row.cells.get(column.key) for column in table.columns]
            scores = [getattr(cell, field, None) for cell in cells for field in FIELDS]
            numbers = {head: value for cell in row.extra.values() for head, value in cell.numbers.items()}
            extra = [numbers.get(head) for head in extra_heads]
            writer.writerow([block.dataset, block.direction, row.method, row.variant, *scores, *extra])
    if table.rankings:
        out.write("\n")
        writer.writerow(RANKING_HEADS)
    for ranking in table.rankings:
        for method in ranking.methods:
            column = ranking.column
            writer.writerow([column.metric, column.protocol_id, *vars(method).values()])
    return out.getvalue()
