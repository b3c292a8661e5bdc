"""The log of a training run: metrics.jsonl as curves."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ugbench.errors import RunError
from ugbench.runs.run import Run

FILE = "metrics.jsonl"


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One logged quantity: values (n,) at steps (n,); NaN where it was not finite."""

    steps: Floats
    values: Floats


def read_curves(run: Path) -> dict[str, Curve]:
    """The curves of a run's folder by key, in the order of the file; empty where it has logged nothing.

    A last line without its end is left out: the run is writing it.

    Raises:
        RunError: any other line is no JSON object with a step; names file and line.
    """
    file = run / FILE
    if not file.exists():
        return {}
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            break
        fields = _fields(line, file, number)
        step = fields.pop("step")
        for key, value in fields.items():
            found[key].append((step, value))
    return {key: _curve(points) for key, points in found.items()}


def training_hours(run: Run) -> float | None:
    """The hours that a run has trained, as the sum of its step times in timing.jsonl; None if it has none.

    The time per step in a line holds for all steps since the line before.

    Raises:
        RunError: a line holds no step and time; the message names the file and the line.
    """
    file = run.path / "timing.jsonl"
    if not file.exists():
        return None
    seconds, before = 0.0, 0
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            break  # the run is writing it
        try:
            fields = json.loads(line)
            seconds += float(fields["seconds_per_step"]) * (fields["step"] - before)
            before = fields["step"]
        except (ValueError, TypeError, KeyError):
            raise RunError(f"{file}, line {number} is no line of a step and its time; remove it.") from None
    return seconds / 3600 if before else None


def _fields(line: str, file: Path, number: int) -> dict[str, Any]:
    try:
        fields = dict(json.loads(line))
        return {key: float(value) for key, value in fields.items()} | {"step": fields["step"]}
    except (ValueError, TypeError, KeyError):
        raise RunError(f"{file}, line {number} is no line of logged numbers with a step; remove it.") from None


def _curve(points: list[tuple[float, float]]) -> Curve:
    steps, values = np.array(points, dtype=np.float64).T
    return Curve(steps, np.where(np.isfinite(values), values, np.nan))
