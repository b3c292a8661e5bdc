"""Score records to a table: which record counts, means over seeds, the best of a column. No formatting here.

A column holds one metric under one protocol. Where a metric was scored under several protocols, each has a
column of its own, and its key is `metric@protocol_id`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from ugbench import registry
from ugbench.analysis.differences import DifferenceRecord
from ugbench.errors import UnknownName, UsageError
from ugbench.metric import Metric
from ugbench.runs.run import Run, label_of
from ugbench.scoring.protocols import LAST, is_selected, protocol_id
from ugbench.scoring.record import ScoreRecord
from ugbench.tables import marks, notes
from ugbench.tables.extra_column import Beside, Entry
from ugbench.tables.records import latest, under_protocol

if TYPE_CHECKING:
    from ugbench.tables.columns.ranking import Across

FLOOR, CEILING = "identity", "real"  # sources untouched, and training images of the target: no competitors
LEADING = ("kid", "fid", "precision", "recall", "lpips", "changed", "unchanged", "iou")


@dataclass(frozen=True)
class Cell:
    """One number of a table, raw (never x100).

    Attributes:
        se: over images where n_seeds is 1, else from the spread over seeds, sd / sqrt(n_seeds), or None.
        low, high: the record's own interval; None where several seeds were averaged.
        best: no method of this data set, direction and column is better; never `identity` or `real`.
        tied_with_best: not the best, but not distinguishable from it; None where that cannot be said: a standard
            error is missing, or the cell does not compete.
        n_fake, n_real: images that it is of; None where seeds differ in that.
        runs: the runs' ids, with the value of each.
        tied_by: how `tied_with_best` was found.
        comparable: False where the number may not be held against any other (extractor `random`).
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
    tied_by: marks.By | None = None


@dataclass(frozen=True)
class Column:
    """A metric under one protocol.

    Attributes:
        key: `metric`, or `metric@protocol_id` where the table has several protocols of it.
        title: heading, with the metric's scale and, where the table has several protocols, which one.
        scale: what tables for reading multiply by.
    """

    key: str
    metric: str
    protocol_id: str
    title: str
    scale: float
    higher_is_better: bool | None


@dataclass(frozen=True)
class Row:
    """A method (and variant) on one data set and direction; `cells` and `beside` by column key."""

    dataset: str
    direction: str
    method: str
    variant: str | None
    name: str | None
    cells: Mapping[str, Cell]
    beside: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What a person reads."""
        return label_of(self.method, self.variant, self.name)

    @property
    def competes(self) -> bool:
        """Whether this is a method, not the floor or the ceiling."""
        return self.method not in (FLOOR, CEILING)


@dataclass(frozen=True)
class Table:
    """Rows in reading order; `protocols` by id; `notes` are the caption, a sentence or two each.

    What is no score of ours is in columns of its own, `beside`.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    protocols: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]
    beside: tuple[Beside, ...] = ()
    across: tuple[Across, ...] = ()


def build_table(
    records: Sequence[ScoreRecord],
    metrics: Sequence[str] | None = None,
    differences: Sequence[DifferenceRecord] = (),
    protocol: str | None = None,
) -> Table:
    """The table of score records.

    Of each data set, direction, method, variant and seed the run that trained longest counts, of several the one
    that was scored last; of each of its metrics and protocols the newest record of the latest step, or of the latest
    selection of a checkpoint, which is another protocol than the last one's. Several seeds become their mean.

    Args:
        records: oldest first, as files hold them.
        metrics: which metrics, in this order; None or empty for all that have scores.
        differences: of runs, for what is tied with the best; oldest first.
        protocol: a protocol's name; scores of no other are shown. None for all.
    Raises:
        UnknownName: no metric or protocol has one of those names.
        UsageError: no records, or none of those metrics or that protocol.
    """
    if not records:
        raise UsageError("no scores; run `ugbench eval` to make some.")
    counted = latest(records)
    counted = counted if protocol is None else under_protocol(counted, protocol)
    names = _chosen([r.metric for r in counted], metrics)
    counted = [one for one in counted if one.metric in names]
    columns = _columns(counted, names)
    keys = {(column.metric, column.protocol_id): column.key for column in columns}
    rows = marks.mark(_rows(counted, keys), columns, differences)
    protocols = {column.protocol_id: dict(_first(counted, column).protocol) for column in columns}
    table = Table(columns, rows, protocols, ())
    return replace(table, notes=tuple(notes.write(table, records, counted)))


def to_json(table: Table) -> dict[str, Any]:
    """What `table --format json` prints: raw values; a number that is not finite is null."""
    rows = [
        {
            "dataset": row.dataset,
            "direction": row.direction,
            "method": row.method,
            "variant": row.variant,
            "name": row.name,
            "cells": {key: _cell_json(cell) for key, cell in row.cells.items()},
            **_beside_json(table, row),
        }
        for row in table.rows
    ]
    heads: dict[str, dict[str, Any]] = defaultdict(dict)
    for column in table.beside:
        if column.head is not None:
            heads[column.under][column.key] = dict(column.head)
    return {
        "protocols": {key: dict(value) for key, value in table.protocols.items()},
        **heads,
        "rows": rows,
        **({"across": [one.to_json() for one in table.across]} if table.across else {}),
        "notes": list(table.notes),
    }


def runs_of(row: Row, runs: Mapping[str, Run]) -> list[Run]:
    """The runs that a row's cells are of, of those at hand, by id."""
    ids = dict.fromkeys(one for cell in row.cells.values() for one in cell.runs)
    return [runs[one] for one in ids if one in runs]


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows as a table has them: by data set and direction, methods between floor and ceiling."""
    place = {FLOOR: 0, CEILING: 2}
    return sorted(
        rows, key=lambda r: (r.dataset, r.direction, place.get(r.method, 1), r.method, r.variant or "", r.name or "")
    )


def _beside_json(table: Table, row: Row) -> dict[str, Any]:
    """What a row has beside its cells, by the object that holds it; nothing where the table has no such column."""
    found: dict[str, dict[str, Any]] = {column.under: {} for column in table.beside}
    for column in table.beside:
        if column.key in row.beside:
            found[column.under][column.key] = row.beside[column.key].raw
    return found


def _cell_json(cell: Cell) -> dict[str, Any]:
    fields = vars(cell)
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}


def _chosen(present: Iterable[str], metrics: Sequence[str] | None) -> list[str]:
    known = set(present)
    if not metrics:
        return [name for name in LEADING if name in known] + sorted(known - set(LEADING))
    for name in metrics:
        if name not in known and name not in registry.modules("metrics"):
            raise UnknownName("metric", name, known | set(registry.modules("metrics")))
    names = [name for name in dict.fromkeys(metrics) if name in known]
    if not names:
        raise UsageError(
            f"no scores of {', '.join(metrics)}, only of {', '.join(sorted(known))}; "
            f"run `ugbench eval --metric {','.join(metrics)}`."
        )
    return names


def _columns(counted: Sequence[ScoreRecord], names: Sequence[str]) -> tuple[Column, ...]:
    columns = []
    for name in names:
        own = [r for r in counted if r.metric == name]
        protocols = {r.protocol_id: r.protocol for r in own}
        ids = sorted(protocols, key=lambda one: _place(one, protocols[one]))
        title, scale = _heading(name)
        arrow = {True: " ↑", False: " ↓", None: ""}[own[0].higher_is_better]
        for one in ids:
            tag = f" [{notes.tag(one, protocols)}]" if len(ids) > 1 else ""
            key = f"{name}@{one}" if len(ids) > 1 else name
            columns.append(Column(key, name, one, title + arrow + tag, scale, own[0].higher_is_better))
    return tuple(columns)


def _place(identifier: str, protocol: Mapping[str, Any]) -> tuple[str, str, bool, str]:
    """Sorts columns: a selected checkpoint's beside the last one's of the same protocol."""
    selected = is_selected(protocol)
    last = protocol_id({**protocol, "checkpoint": LAST}) if selected else identifier
    return notes.source_of(protocol), last, selected, identifier


def _heading(name: str) -> tuple[str, float]:
    """Title and scale; a metric that is no longer installed keeps its name and raw values."""
    if name not in registry.modules("metrics"):
        return name, 1.0
    metric: Metric = registry.load_metric(name)
    return metric.title, metric.scale


def _first(counted: Iterable[ScoreRecord], column: Column) -> ScoreRecord:
    return next(r for r in counted if (r.metric, r.protocol_id) == (column.metric, column.protocol_id))


def _rows(counted: Iterable[ScoreRecord], keys: Mapping[tuple[str, str], str]) -> list[Row]:
    grouped: dict[tuple[str, str, str, str | None, str | None], dict[str, list[ScoreRecord]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for one in counted:
        row = (one.dataset, one.direction, one.method, one.variant, one.name)
        grouped[row][keys[one.metric, one.protocol_id]].append(one)
    rows = []
    for who, cells in grouped.items():
        rows.append(Row(*who, {key: _cell(cells[key]) for key in keys.values() if key in cells}))
    return in_order(rows)


def _cell(seeds: Sequence[ScoreRecord]) -> Cell:
    first, values = seeds[0], [r.value for r in seeds]
    one = len(seeds) == 1
    return Cell(
        value=fmean(values),
        se=first.se if one else stdev(values) / math.sqrt(len(values)),
        low=first.low if one else None,
        high=first.high if one else None,
        n_seeds=len(seeds),
        best=False,
        tied_with_best=None,
        protocol_id=first.protocol_id,
        comparable=all(r.comparable for r in seeds),
        n_fake=_same(r.n_fake for r in seeds),
        n_real=_same(r.n_real for r in seeds),
        runs={r.run: r.value for r in seeds},
    )


def _same(numbers: Iterable[int]) -> int | None:
    found = set(numbers)
    return found.pop() if len(found) == 1 else None
