"""Where learnt shares, rho, ended: a line a run and direction in results/<dataset>/rho.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict, ValidationError

from ugbench import registry
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.method import Adaptation
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.training_log import read_curves

FILE = "rho.jsonl"


class RhoRecord(BaseModel):
    """One run's rho at its last step, towards one domain.

    Attributes:
        dataset: the folder's name under results; `shape` and `texture` are that dial's settings.
        start: where rho started.
        layers: the mean over channels by the scalar's name; `value` is their mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    dataset: str
    shape: float
    texture: float
    direction: Direction
    method: str
    variant: str
    seed: int
    step: int
    start: float
    value: float
    layers: dict[str, float]


def keep(runs: Iterable[Run]) -> list[RhoRecord]:
    """The records of runs that learnt a rho on a dial, each added to its data set's file unless it is there.

    Raises:
        RunError: a file holds something else, or a run has logged no such scalar at its last step.
    """
    found: list[RhoRecord] = []
    for run in runs:
        adaptation = registry.load_method(run.config.method).adaptation
        spec = dataset_of(run).dial
        if adaptation is None or run.config.variant not in adaptation.learnt or spec is None:
            continue
        own = [_record(run, adaptation, way, (spec.shape, spec.texture)) for way in run.directions()]
        file = run.dataset_folder / FILE
        known = [] if not file.exists() else read(file)
        # Of several of one run the newest counts: one that was trained again has a new line where it ended elsewhere.
        newest = {(one.run, one.direction): one for one in known}
        new = [one for one in own if newest.get((one.run, one.direction)) != one]
        with file.open("a", encoding="utf-8") as out:
            out.writelines(json.dumps(one.model_dump()) + "\n" for one in new)
        found += own
    return found


def read(file: Path) -> list[RhoRecord]:
    """The records of one file, oldest first.

    Raises:
        RunError: a line is no record; names file and line.
    """
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(RhoRecord(**json.loads(line)))
        except (json.JSONDecodeError, ValidationError, TypeError):
            raise RunError(f"{file}, line {number} is no record of a rho; remove that line.") from None
    return found


def read_all(results: Path) -> list[RhoRecord]:
    """Every record under a results folder, files in the order of their paths."""
    return [one for file in sorted(results.rglob(FILE)) for one in read(file)]


def _record(run: Run, adaptation: Adaptation, direction: Direction, setting: tuple[float, float]) -> RhoRecord:
    variant, step, prefix = str(run.config.variant), run.step(), adaptation.scalars[direction]
    curves = read_curves(run)
    layers = {
        key: float(curve.values[-1])
        for key, curve in curves.items()
        if key.startswith(prefix) and len(curve.steps) and curve.steps[-1] == step
    }
    if not layers:
        raise RunError(f"{run.path}: metrics.jsonl has no {prefix}… at step {step}; train it again with --restart.")
    return RhoRecord(
        run=run.id,
        dataset=run.dataset_folder.name,
        shape=setting[0],
        texture=setting[1],
        direction=direction,
        method=run.config.method,
        variant=variant,
        seed=run.seed,
        step=step,
        start=adaptation.learnt[variant],
        value=fmean(layers.values()),
        layers=layers,
    )
