"""What a row's runs took, beside their scores: parameters, FLOPs a step, hours of training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from types import MappingProxyType

from ugbench.errors import ConfigError, UnknownName
from ugbench.runs.method_description import MethodDescription
from ugbench.runs.run import Run, list_runs
from ugbench.runs.training_log import training_hours
from ugbench.tables.build import Table, runs_of
from ugbench.tables.columns import map_mass
from ugbench.tables.extra_column import Beside, Entry
from ugbench.training.counts import count

PREFIXES = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"))


@dataclass(frozen=True)
class _Kind:
    """A column that `--columns` knows: its name in JSON, heading, sentence for the caption and form of its numbers."""

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


KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "parameters": _Kind(
            "parameters", "parameters", "parameters: of all networks, those for training alone too.", short
        ),
        "flops": _Kind(
            "flops_per_step",
            "FLOPs/step",
            "FLOPs/step: multiplications and additions of convolutions and matrix products, forward and backward, of "
            "one training step; counted on shapes.",
            short,
        ),
        "hours": _Kind(
            "hours",
            "hours",
            "hours: of one training so far, by its own log, wherever it ran and with whatever ran beside it; the mean "
            "where a row has several seeds.",
            lambda hours: f"{hours:.3g}",
        ),
    }
)


def add_about(table: Table, columns: Sequence[str], results: Path) -> Table:
    """The table with the chosen columns after our scores; empty where a row has no run here or it is not known.

    Each config is counted once. Runs of one row whose configs differ in a count leave it empty. `maps` is a column a
    heat map, after the others.

    Args:
        columns: of parameters, flops, hours, in this order, and maps.
        results: folder of the runs.
    Raises:
        UnknownName: there is no such column.
        RunError: a run's config.json or timing.jsonl is damaged.
    """
    for name in columns:
        if name not in (*KINDS, map_mass.NAME):
            raise UnknownName("column", name, (*KINDS, map_mass.NAME))
    if map_mass.NAME in columns:
        others = [name for name in columns if name != map_mass.NAME]
        return map_mass.add_map_masses(add_about(table, others, results), results)
    if not columns:
        return table
    runs = {run.id: run for run in list_runs(results)}
    counted: dict[str, MethodDescription | str] = {}
    rows = []
    for row in table.rows:
        own = runs_of(row, runs)
        entries = {KINDS[name].key: _entry(name, _value(name, own, counted)) for name in columns}
        rows.append(replace(row, beside={**row.beside, **entries}))
    kinds = [KINDS[name] for name in columns]
    why = sorted({f"Not counted: {reason}" for reason in counted.values() if isinstance(reason, str)})
    beside = [Beside(kind.key, "about", kind.title, (kind.key,)) for kind in kinds]
    notes = (*table.notes, *(kind.note for kind in kinds), *why)
    return replace(table, rows=tuple(rows), beside=(*table.beside, *beside), notes=notes)


def _value(name: str, runs: Sequence[Run], counted: dict[str, MethodDescription | str]) -> float | None:
    if name == "hours":
        hours = [found for run in runs if (found := training_hours(run)) is not None]
        return fmean(hours) if hours else None
    counts = [_counts(run, counted) for run in runs if not run.config.is_external]
    known = [one for one in counts if isinstance(one, MethodDescription)]
    numbers = {sum(one.parameters.values()) if name == "parameters" else one.flops_per_step for one in known}
    return numbers.pop() if len(numbers) == 1 else None


def _counts(run: Run, counted: dict[str, MethodDescription | str]) -> MethodDescription | str:
    """The run's counts, or why there are none."""
    key = f"{run.config.method} {json.dumps(run.config.config, sort_keys=True)}"
    if key not in counted:
        try:
            counted[key] = count(run.config.method, run.config.method_config())
        except (UnknownName, ConfigError) as error:
            counted[key] = str(error)
    return counted[key]


def _entry(name: str, value: float | None) -> Entry:
    kind = KINDS[name]
    return Entry("" if value is None else kind.text(value), value, {kind.key: value})
