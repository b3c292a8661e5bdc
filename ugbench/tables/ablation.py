"""The scores of one method's variants in the layout of a paper's ablation, with published ablations beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ugbench.published.tables import PublishedTable, published_names, published_tables
from ugbench.tables.cells import Column
from ugbench.tables.model import Block, Table
from ugbench.tables.numbers import number
from ugbench.tables.rows import BASE, Row

if TYPE_CHECKING:
    from ugbench.analysis.comparison import Comparison


class AblationTable(NamedTuple):
    """A table of texts: a row for each variant, a column for each data set and direction.

    Attributes:
        rows: each begins with the variant's name; a text is empty where there is no number.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def ablation_table(table: Table, method: str, claims: Sequence[Comparison] = ()) -> AblationTable:
    """The variants of a method with their scores in the first column of a table, and with published ablations.

    The columns of a published ablation are named by its own data set, which need not be ours: they show the paper's
    order of variants, and are compared with nothing.

    Args:
        claims: how each variant differs from the base, from `ugbench.analysis.comparisons.compare_methods`. They
            add a column `less full` for each data set and direction.
    """
    names = {row.key.variant for row in table.rows if row.key.method == method}
    variants = sorted(names, key=lambda name: (name is not None, name or ""))
    metrics = {column.metric for column in table.columns[:1]}
    publications = [
        publication
        for name in published_names()
        for publication in published_tables(name)
        if publication.metric in metrics
        and any(cell.method == method and cell.variant is not None for cell in publication.cells)
    ]
    columns = [("variant", [variant or BASE for variant in variants])]
    for block in table.blocks:
        rows = {row.key.variant: row for row in block.rows if row.key.method == method}
        if not rows:
            continue
        for column in table.columns[:1]:
            scores = [_score(rows.get(variant), column) for variant in variants]
            columns.append((f"{column.title} {block.title}", scores))
        if claims and block.images.is_current is not False:
            columns.append(("less full", [_difference(claims, block, method, variant) for variant in variants]))
    for publication in publications:
        for dataset, direction in dict.fromkeys((cell.dataset, cell.direction) for cell in publication.cells):
            cells = [publication.cell(dataset, direction, method, variant) for variant in variants]
            columns.append(
                (
                    f"{publication.name} {dataset} {direction}",
                    ["" if cell is None else publication.text(cell) for cell in cells],
                )
            )
    header, texts = zip(*columns, strict=True)
    return AblationTable(header, tuple(zip(*texts, strict=True)), tuple(_notes(publications, claims)))


def _score(row: Row | None, column: Column) -> str:
    cell = None if row is None else row.cells.get(column.key)
    return "" if cell is None else number(cell, column.scale)


def _difference(claims: Sequence[Comparison], block: Block, method: str, variant: str | None) -> str:
    """A variant's KID x100 minus that of the base: over seeds if these give a standard error, else over images."""
    if variant is None:
        return ""
    place = (block.dataset, block.direction, f"{method}-{variant}")
    for claim in claims:
        if (claim.dataset, claim.direction, claim.label) == place:
            if claim.method.se is not None:
                p = _p_value(claim.method.adjusted_p)
                return f"{100 * claim.method.difference:.3g} ± {100 * claim.method.se:.2g} over seeds{p}"
            difference, p = claim.checkpoints.difference, _p_value(claim.checkpoints.adjusted_p)
            return f"{100 * difference.value:.3g} ± {100 * difference.se:.2g} over images{p}"
    return ""


def _p_value(p: float | None) -> str:
    return "" if p is None else f", p {p:.2g}"


def _notes(publications: Sequence[PublishedTable], claims: Sequence[Comparison]) -> Iterator[str]:
    if claims:
        yield (
            "less full: KID x100 of the variant minus that of full on the sources that all their runs have translated, "
            "± its standard error; over seeds it is of methods, "
            "over images (paired) of two checkpoints; p after Holm."
        )
    for publication in publications:
        yield f"{publication.name}: {publication.source}. {' '.join(publication.notes)}"
