"""Which run stands for a method in a poll."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UnknownName, UsageError
from ugbench.runs.run import Run, longest_trained
from ugbench.runs.stored_outputs import files_by_stem


def standing_runs(
    labels: Sequence[str], runs: Iterable[Run], directions: Sequence[Direction] = DIRECTIONS
) -> dict[Direction, list[Run]]:
    """For each direction in which all of them translate the run of each label: of its finished ones the lowest seed.

    Args:
        labels: rows' names: ugatit, ugatit-no-cam, nice-gan.
        runs: of one data set.
        directions: to look at.
    Raises:
        UsageError: fewer than two labels, or no such direction.
        UnknownName: nothing finished has that name.
    """
    if len(labels) < 2:
        raise UsageError("--methods: a preference needs two methods at least; give their names, with commas.")
    finished: dict[str, list[Run]] = {}
    for run in longest_trained(run for run in runs if run.is_done()):
        finished.setdefault(run.config.label, []).append(run)
    for label in labels:
        if label not in finished:
            raise UnknownName("finished method", label, finished)
    found: dict[Direction, list[Run]] = {}
    lacking: list[str] = []
    for direction in directions:
        able = {label: [run for run in finished[label] if _can(run, direction)] for label in labels}
        lacking += [f"{label} has no {direction}" for label, own in able.items() if not own]
        if all(able.values()):
            found[direction] = [min(own, key=lambda run: run.config.seed or 0) for own in able.values()]
    if not found:
        raise UsageError(f"no direction is common to all of --methods: {', '.join(lacking)}.")
    return found


def _can(run: Run, direction: Direction) -> bool:
    # Of another tool's outputs only the files tell which way they go.
    return direction in run.directions() and (not run.config.is_external or bool(files_by_stem(run, direction)))
