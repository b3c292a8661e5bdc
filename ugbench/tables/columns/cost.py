"""What the runs behind a row cost: parameters, FLOPs and seconds per training step, and hours of training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from ugbench.errors import ConfigError, UnknownName
from ugbench.runs import method_description
from ugbench.runs.method_description import MethodDescription
from ugbench.runs.run import Run
from ugbench.runs.training_log import seconds_per_step, training_hours
from ugbench.tables.cells import ExtraCell, ExtraColumn
from ugbench.tables.columns.runs_of_rows import runs_of_rows
from ugbench.tables.model import Table, add_extra_columns

PREFIXES = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"))


CountMissing = Callable[[Run], MethodDescription]
"""Counts a run that has no method.json; raises UnknownName or ConfigError if that is impossible."""


@dataclass(frozen=True)
class Cost:
    """A column of cost.

    Attributes:
        key: its name in JSON.
        title: its heading.
        note: what the caption says about it.
        text: how its numbers are written.
        counted: gives the number from the counts of a run's method; None if a run's log has the number.
        logged: gives the number from a run's log, or None if the log has none; a row has the mean over its runs.
    """

    key: str
    title: str
    note: str
    text: Callable[[float], str]
    counted: Callable[[MethodDescription], float | None] | None = None
    logged: Callable[[Run], float | None] | None = None


def short(number: float) -> str:
    """Three significant digits with a prefix.

    >>> short(670_761_088)
    '671 M'
    """
    for size, prefix in PREFIXES:
        if number >= size:
            return f"{number / size:.3g}{prefix}"
    return f"{number:.3g}"


def _usual_seconds(run: Run) -> float | None:
    times = seconds_per_step(run)
    return median(times) if times else None


COSTS = {
    "parameters": Cost(
        "parameters",
        "parameters",
        "parameters: of all networks, those for training alone too.",
        short,
        counted=lambda description: sum(description.parameters.values()),
    ),
    "flops": Cost(
        "flops_per_step",
        "FLOPs/step",
        "FLOPs/step: multiplications and additions of convolutions and matrix products, forward and backward, of "
        "one training step; counted on shapes.",
        short,
        counted=lambda description: description.flops_per_step,
    ),
    "seconds": Cost(
        "seconds_per_step",
        "s/step",
        "s/step: seconds of a training step, the median of a run's own log, wherever it ran and with whatever ran "
        "beside it; the mean where a row has several seeds.",
        lambda seconds: f"{seconds:.3g}",
        logged=_usual_seconds,
    ),
    "hours": Cost(
        "hours",
        "hours",
        "hours: of one training so far, by its own log, wherever it ran and with whatever ran beside it; the mean "
        "where a row has several seeds.",
        lambda hours: f"{hours:.3g}",
        logged=training_hours,
    ),
}
"""The columns by their names on the command line."""


def add_cost(table: Table, columns: Sequence[str], results: Path, count_missing: CountMissing) -> Table:
    """The table with columns of cost. A cell is empty where the run is not under `results` or a number is not known.

    Parameters and FLOPs are read from the run, which stores them when training starts. They are empty where the runs of
    a row differ in them. Seconds per step and hours are the mean over the runs of a row.

    Args:
        columns: names in `COSTS`, in the order in which they are shown.
        results: folder of the runs.
        count_missing: counts a run that has stored no counts. It is called once for each config.
    Raises:
        RunError: a config.json, method.json or timing.jsonl is damaged.
    """
    if not columns:
        return table
    runs_by_row = runs_of_rows(table, results)
    costs = [COSTS[name] for name in columns]
    counts: dict[str, MethodDescription] = {}
    failures: list[str] = []
    if any(cost.counted for cost in costs):
        counts, failures = _count(
            {run.id: run for runs in runs_by_row.values() for run in runs}.values(), count_missing
        )
    cells = {
        key: {cost.key: _cell(cost, _value(cost, runs, counts)) for cost in costs} for key, runs in runs_by_row.items()
    }
    extra_columns = [ExtraColumn(cost.key, "about", cost.title, (cost.key,)) for cost in costs]
    return add_extra_columns(table, extra_columns, cells, [*(cost.note for cost in costs), *failures])


def _count(runs: Iterable[Run], count_missing: CountMissing) -> tuple[dict[str, MethodDescription], list[str]]:
    """The counts of runs by id, and why others cannot be counted; runs of other tools are left out."""
    counts, failures = {}, {}
    by_config: dict[str, MethodDescription] = {}
    for run in runs:
        description = None if run.config.is_external else method_description.read(run)
        config = f"{run.config.method} {json.dumps(run.config.config, sort_keys=True)}"
        if description is None and not run.config.is_external and config not in failures:
            try:
                by_config[config] = description = by_config.get(config) or count_missing(run)
            except (UnknownName, ConfigError) as error:
                failures[config] = f"Not counted: {error}"
        if description is not None:
            counts[run.id] = description
    return counts, sorted(set(failures.values()))


def _value(cost: Cost, runs: Sequence[Run], counts: Mapping[str, MethodDescription]) -> float | None:
    if cost.logged is not None:
        logged = [number for run in runs if (number := cost.logged(run)) is not None]
        return fmean(logged) if logged else None
    assert cost.counted is not None
    counted = {cost.counted(counts[run.id]) for run in runs if run.id in counts}
    return counted.pop() if len(counted) == 1 else None


def _cell(cost: Cost, value: float | None) -> ExtraCell:
    return ExtraCell("" if value is None else cost.text(value), value, (value,))
