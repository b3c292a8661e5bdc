"""An ablation in the layout of a paper's: a row a variant, a column a direction, published numbers beside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ugbench.analysis.comparisons import Comparison
from ugbench.published.tables import Published, names, published
from ugbench.tables.build import Table
from ugbench.tables.layout import number

BASE = "full"


@dataclass(frozen=True)
class Ablation:
    """Texts of a table: `rows` start with the variant's name; empty where there is no number."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def ablation(table: Table, method: str, claims: Sequence[Comparison] = ()) -> Ablation:
    """The variants of one method in a table, with what each differs from the base by, and published ablations.

    A published table's columns are named by its own data set, which need not be ours: they show the paper's order
    of variants, and stand in no comparison.

    Args:
        claims: differences to the base, as `ugbench.analysis.comparisons.claims` makes them.
    """
    rows = [row for row in table.rows if row.method == method]
    variants = list(dict.fromkeys(row.variant for row in rows))
    variants.sort(key=lambda name: (name is not None, name or ""))
    columns = table.columns[:1] if table.columns else ()
    blocks = list(dict.fromkeys((row.dataset, row.direction) for row in rows))
    theirs = [one for one in map(published, names()) if _is_ablation_of(one, method)]
    places = [(one, where) for one in theirs for where in dict.fromkeys((c.dataset, c.direction) for c in one.cells)]
    header = ["variant"]
    for dataset, direction in blocks:
        header += [f"{column.title} {dataset} {direction}" for column in columns]
        header += ["less full"] if claims else []
    header += [f"{one.name} {' '.join(where)}" for one, where in places]
    lines = []
    for variant in variants:
        texts = [variant or BASE]
        for dataset, direction in blocks:
            row = next((r for r in rows if (r.dataset, r.direction, r.variant) == (dataset, direction, variant)), None)
            for column in columns:
                cell = None if row is None else row.cells.get(column.key)
                texts.append("" if cell is None else number(cell, column.scale))
            if claims:
                texts.append(_difference(claims, dataset, direction, method, variant))
        for one, (dataset, direction) in places:
            found = one.cell(dataset, direction, method, variant)
            spread = "" if found is None or found.spread is None else f" ± {found.spread:.2f}"
            texts.append("" if found is None else f"{found.printed:.2f}{spread}")
        lines.append(tuple(texts))
    return Ablation(tuple(header), tuple(lines), tuple(_notes(theirs, claims)))


def to_json(own: Ablation) -> dict[str, Any]:
    """The texts as they are; numbers are in the table's and the claims' own JSON."""
    return {"header": list(own.header), "rows": [list(row) for row in own.rows], "notes": list(own.notes)}


def _is_ablation_of(table: Published, method: str) -> bool:
    return any(cell.method == method and cell.variant is not None for cell in table.cells)


def _difference(claims: Iterable[Comparison], dataset: str, direction: str, method: str, variant: str | None) -> str:
    if variant is None:
        return ""
    label = f"{method}-{variant}"
    for one in claims:
        if (one.dataset, one.direction, one.label) == (dataset, direction, label):
            if one.method.se is not None:
                p = "" if one.method.adjusted_p is None else f", p {one.method.adjusted_p:.2g}"
                return f"{100 * one.method.difference:.3g} ± {100 * one.method.se:.2g} over seeds{p}"
            own = one.checkpoints
            p = "" if own.adjusted_p is None else f", p {own.adjusted_p:.2g}"
            return f"{100 * own.difference.value:.3g} ± {100 * own.difference.se:.2g} over images{p}"
    return ""


def _notes(theirs: Sequence[Published], claims: Sequence[Comparison]) -> Iterable[str]:
    if claims:
        yield (
            "less full: KID x100 of the variant minus that of full, ± its standard error; over seeds it is of methods, "
            "over images (paired) of two checkpoints; p after Holm."
        )
    for one in theirs:
        yield f"{one.name}: {one.source}. {one.note}"
