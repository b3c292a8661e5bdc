"""The candidates of a poll: which run stands for each method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UnknownName, UsageError
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import files_by_stem


def candidate_runs(
    labels: Sequence[str], runs: Iterable[Run], directions: Sequence[Direction] = DIRECTIONS
) -> dict[Direction, list[Run]]:
    """The run of each label, for each direction in which all of them translate: the finished run of the lowest seed.

    Where a label has several finished runs of one seed, because of several configurations, the longest training counts.

    Args:
        labels: names of methods as in tables: ugatit, ugatit-no-cam, nice-gan.
        runs: runs of one data set.
        directions: the directions to consider.
    Raises:
        UsageError: there are fewer than two labels, or no direction that all have.
        UnknownName: no finished run has one of the labels.
    """
    if len(labels) < 2:
        raise UsageError("--methods: raters choose between at least two methods; give their names, with commas.")
    finished: dict[str, list[Run]] = {}
    for run in _longest_trained(run for run in runs if run.is_done()):
        finished.setdefault(run.config.label, []).append(run)
    for label in labels:
        if label not in finished:
            raise UnknownName("finished method", label, finished)
    chosen: dict[Direction, list[Run]] = {}
    missing: list[str] = []
    for direction in directions:
        able = {label: [run for run in finished[label] if _translates(run, direction)] for label in labels}
        missing += [f"{label} has no {direction}" for label, able_runs in able.items() if not able_runs]
        if all(able.values()):
            chosen[direction] = [min(able_runs, key=lambda run: run.config.seed or 0) for able_runs in able.values()]
    if not chosen:
        raise UsageError(f"no direction is common to all of --methods: {', '.join(missing)}.")
    return chosen


def _longest_trained(runs: Iterable[Run]) -> list[Run]:
    """For each label, seed and direction the run that has trained the most steps."""
    longest: dict[tuple[object, ...], Run] = {}
    for run in runs:
        key = (run.config.label, run.config.seed, run.config.direction)
        if key not in longest or run.step() >= longest[key].step():
            longest[key] = run
    return list(longest.values())


def _translates(run: Run, direction: Direction) -> bool:
    # Only the files of another tool tell in which direction it has translated.
    return direction in run.directions() and (not run.config.is_external or bool(files_by_stem(run, direction)))
