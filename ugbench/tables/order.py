"""The order of rows: by name, by a metric, and with chosen rows first; `identity` stays first and `real` last."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from ugbench.runs.run import label_of
from ugbench.tables.cells import Column
from ugbench.tables.rows import IDENTITY, REAL, Row, natural, row_order

BY_NAME = "name"


@dataclass(frozen=True)
class RowOrder:
    """How rows are sorted.

    Attributes:
        by: the column whose scores sort the rows, best first, rows without one last; BY_NAME for the displayed names;
            None for the order of `row_order`.
        first: names of rows that come first, in this order.
    """

    by: Column | str | None = None
    first: tuple[str, ...] = ()


USUAL = RowOrder()


def arranged(groups: Iterable[Sequence[Row]], order: RowOrder) -> list[Sequence[Row]]:
    """Groups of rows in order. The rows of a group have one name, each on another data set.

    By a metric, groups are sorted by the mean over their data sets; those that lack some data sets come after those
    that have more.
    """

    def key(group: Sequence[Row]) -> tuple[object, ...]:
        row = group[0]
        band = {IDENTITY: 0, REAL: 2}.get(row.key.method, 1)
        chosen = [place for place, name in enumerate(order.first) if name in names_of(row)]
        place = chosen[0] if chosen else len(order.first)
        return (band, place, *_value(group, order.by), row_order(row.key))

    return sorted(groups, key=key)


def _value(group: Sequence[Row], by: Column | str | None) -> tuple[object, ...]:
    if by is None:
        return ()
    if isinstance(by, str):
        return (natural(group[0].label.lower()),)
    values = [row.cells[by.key].value for row in group if by.key in row.cells]
    values = [value for value in values if math.isfinite(value)]
    mean = fmean(values) if values else 0.0
    return (-len(values), -mean if by.higher_is_better else mean)


def names_of(row: Row) -> tuple[str, ...]:
    """The names by which a user may choose a row: with and without the fields of its configuration."""
    return row.name, label_of(row.key.method, row.key.variant, row.key.name)
