"""The log of a training run: metrics.jsonl as curves, and timing.jsonl as times."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from ugbench.runs import jsonl, method_description
from ugbench.runs.files import is_file, open_file
from ugbench.runs.folder import RunFolder

Floats = npt.NDArray[np.float64]
DIGITS = 16  # a step has fewer, so that a float holds it exactly
LONGEST_STEP = 1e6  # seconds
LARGEST = float(np.finfo(np.float32).max)  # of numbers that training computes


@dataclass(frozen=True)
class Curve:
    """One logged quantity: values (n,) at steps (n,); NaN where it was not finite."""

    steps: Floats
    values: Floats


def read_curves(run: RunFolder) -> dict[str, Curve]:
    """The curves in metrics.jsonl by key, in the order of the file; empty if nothing was logged yet.

    A last line without a line end is left out, because training is still writing it.

    Raises:
        RunError: another line is no JSON object of numbers with a step; the message names the file and the line.
    """
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for step, values in jsonl.read(run.metrics_file, _metrics, "line of logged numbers with a step", True):
        for key, value in values.items():
            points[key].append((step, value))
    return {key: _curve(pairs) for key, pairs in points.items()}


def training_hours(run: RunFolder) -> float | None:
    """The hours that a run has trained, as the sum of its step times in timing.jsonl; None if it has none.

    The time per step in a line holds for all steps since the line before. Time that a kill lost is not included, the
    time for samples and checkpoints is.

    Raises:
        RunError: a line holds no step and time; the message names the file and the line.
    """
    seconds, last_step = 0.0, 0
    for step, seconds_per_step in _step_times(run):
        seconds += seconds_per_step * (step - last_step)
        last_step = step
    return seconds / 3600 if last_step else None


def seconds_per_step(run: RunFolder) -> list[float]:
    """The seconds per step in each line of timing.jsonl, oldest first; empty if it has none.

    If the steps of the method repeat after a period, an entry is the mean of as many lines as a period has steps.

    Raises:
        RunError: a line holds no step and time, or method.json is damaged; the message names the file.
    """
    times = [seconds for _, seconds in _step_times(run)]
    description = method_description.read(run)
    period = 1 if description is None else description.period
    return [fmean(times[first : first + period]) for first in range(0, len(times) - period + 1, period)]


def last_logged_step(run: RunFolder) -> int:
    """The step of the last line of metrics.jsonl, 0 if nothing was logged; reads only the end of the file."""
    file = run.metrics_file
    if not is_file(file):
        return 0
    with open_file(file) as stream:
        stream.seek(max(0, file.stat().st_size - 8192))
        lines = stream.read().splitlines()
    steps = [line.partition(b'"step": ')[2].partition(b",")[0] for line in lines[-2:]]
    return max((int(step) for step in steps if step.isdigit() and len(step) < DIGITS), default=0)


def _step_times(run: RunFolder) -> Iterator[tuple[int, float]]:
    return jsonl.read(
        run.timing_file,
        lambda fields: (_step(fields), _in_range(float(fields["seconds_per_step"]), 0, LONGEST_STEP)),
        "line of a step and its time",
        skip_unfinished=True,
    )


def _metrics(fields: dict[str, Any]) -> tuple[float, dict[str, float]]:
    step = _step(fields)
    values = {key: float(value) for key, value in fields.items() if key != "step"}
    for value in values.values():
        if math.isfinite(value):
            _in_range(value, -LARGEST, LARGEST)
    return step, values


def _step(fields: dict[str, Any]) -> int:
    return int(_in_range(fields["step"], 0, 10 ** (DIGITS - 1)))


def _in_range(value: float, least: float, most: float) -> float:
    if not least <= value <= most:  # NaN is in no range
        raise ValueError(f"{value} is not from {least} to {most}")
    return value


def _curve(points: list[tuple[float, float]]) -> Curve:
    steps, values = np.array(points, dtype=np.float64).T
    return Curve(steps, np.where(np.isfinite(values), values, np.nan))
