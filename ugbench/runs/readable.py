"""The runs of a results folder that can be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ugbench.runs.configurations import select_where
from ugbench.runs.run import Run, find_run, read_runs


def readable_runs(results: Path, log: Callable[[str], None], conditions: Mapping[str, str] | None = None) -> list[Run]:
    """The runs under a results folder, sorted by path.

    Args:
        log: called with a sentence for each run that cannot be read.
        conditions: values by the names of config fields; None for all runs.
    Raises:
        UnknownName, UsageError: see `ugbench.runs.configurations.select_where`.
    """
    runs = []
    for _, run in read_runs(results):
        if isinstance(run, Run):
            runs.append(run)
        else:
            log(f"left out: {run}")
    return select_where(runs, conditions) if conditions else runs


def choose_runs(
    names: Sequence[str | Run],
    results: Path,
    log: Callable[[str], None],
    conditions: Mapping[str, str] | None = None,
) -> list[Run]:
    """The runs that a figure is asked to draw; empty where it is asked for all.

    Args:
        names: runs, or what `ugbench.runs.run.find_run` takes; empty for those that have the values of `conditions`.
        log: called with a sentence for each run that cannot be read.
    Raises:
        RunError: no run matches a name.
        UnknownName, UsageError: see `ugbench.runs.configurations.select_where`.
    """
    chosen = [run if isinstance(run, Run) else find_run(run, results) for run in names]
    if not conditions:
        return chosen
    return select_where(chosen if names else readable_runs(results, log), conditions)
