"""What the runs behind a row cost: parameters, FLOPs per training step and hours of training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from types import MappingProxyType

from ugbench.errors import ConfigError, UnknownName
from ugbench.runs import method_description
from ugbench.runs.method_description import MethodDescription
from ugbench.runs.run import Run, list_runs
from ugbench.runs.training_log import training_hours
from ugbench.tables.model import ExtraCell, ExtraColumn, Table, add_extra_columns

PREFIXES = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"))


CountMissing = Callable[[Run], MethodDescription]
"""Counts a run that has no method.json; raises UnknownName or ConfigError if that is impossible."""


@dataclass(frozen=True)
class Cost:
    """A column of cost: its key in JSON, its heading, its note for the caption, and how its numbers are written."""

    key: str
    title: str
    note: str
    text: Callable[[float], str]


def short(number: float) -> str:
    """Three significant digits with a prefix.

    >>> short(670_761_088)
    '671 M'
    """
    for size, prefix in PREFIXES:
        if number >= size:
            return f"{number / size:.3g}{prefix}"
    return f"{number:.3g}"


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "parameters": Cost(
            "parameters", "parameters", "parameters: of all networks, those for training alone too.", short
        ),
        "flops": Cost(
            "flops_per_step",
            "FLOPs/step",
            "FLOPs/step: multiplications and additions of convolutions and matrix products, forward and backward, of "
            "one training step; counted on shapes.",
            short,
        ),
        "hours": Cost(
            "hours",
            "hours",
            "hours: of one training so far, by its own log, wherever it ran and with whatever ran beside it; the mean "
            "where a row has several seeds.",
            lambda hours: f"{hours:.3g}",
        ),
    }
)
"""The columns by their names on the command line."""


def add_cost(table: Table, columns: Sequence[str], results: Path, count_missing: CountMissing) -> Table:
    """The table with columns of cost. A cell is empty where the run is not under `results` or a number is not known.

    Parameters and FLOPs are read from the run, which stores them when training starts. They are empty where the runs of
    a row differ in them. Hours are the mean over the runs of a row.

    Args:
        columns: names in `COSTS`, in the order in which they are shown.
        results: folder of the runs.
        count_missing: counts a run that has stored no counts. It is called once for each config.
    Raises:
        RunError: a config.json, method.json or timing.jsonl is damaged.
    """
    if not columns:
        return table
    runs = {run.id: run for run in list_runs(results)}
    costs = [COSTS[name] for name in columns]
    counts = _CountsOfRuns(count_missing)
    cells = {}
    for key, row in table.rows_by_key.items():
        row_runs = [runs[run_id] for run_id in row.run_ids if run_id in runs]
        cells[key] = {cost.key: _cell(cost, _value(cost, row_runs, counts)) for cost in costs}
    extra_columns = [ExtraColumn(cost.key, "about", cost.title, (cost.key,)) for cost in costs]
    return add_extra_columns(table, extra_columns, cells, [*(cost.note for cost in costs), *counts.failures()])


class _CountsOfRuns:
    """MethodDescription of runs, each config counted once; an error instead where a run cannot be counted."""

    def __init__(self, count_missing: CountMissing) -> None:
        self._count_missing = count_missing
        self._counted: dict[str, MethodDescription | UnknownName | ConfigError] = {}

    def of(self, run: Run) -> MethodDescription | None:
        """The counts of a run; None where it was made by another tool or cannot be counted."""
        if run.config.is_external:
            return None
        description = method_description.read(run)
        if description is not None:
            return description
        key = f"{run.config.method} {json.dumps(run.config.config, sort_keys=True)}"
        if key not in self._counted:
            try:
                self._counted[key] = self._count_missing(run)
            except (UnknownName, ConfigError) as error:
                self._counted[key] = error
        counts = self._counted[key]
        return None if isinstance(counts, Exception) else counts

    def failures(self) -> list[str]:
        """Why runs were not counted, a sentence for each reason."""
        return sorted({f"Not counted: {counts}" for counts in self._counted.values() if isinstance(counts, Exception)})


def _value(cost: Cost, runs: Sequence[Run], counts: _CountsOfRuns) -> float | None:
    if cost is COSTS["hours"]:
        hours = [hours for run in runs if (hours := training_hours(run)) is not None]
        return fmean(hours) if hours else None
    known = [counted for run in runs if (counted := counts.of(run)) is not None]
    if cost is COSTS["parameters"]:
        numbers: set[int | None] = {sum(counted.parameters.values()) for counted in known}
    else:
        numbers = {counted.flops_per_step for counted in known}
    return numbers.pop() if len(numbers) == 1 else None


def _cell(cost: Cost, value: float | None) -> ExtraCell:
    return ExtraCell("" if value is None else cost.text(value), value, {cost.key: value})
