"""What of a study is done, half done and missing, and what is still to come."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

import torch

from ugbench.runs.json_file import write_json
from ugbench.runs.run import Run, RunConfig, dataset_folder, list_runs
from ugbench.runs.training_log import seconds_per_step
from ugbench.study.grid import Arm, Cell, Study, cells, overrides
from ugbench.training.prepare import Request, identify

Status = Literal["done", "half", "missing"]


@dataclass(frozen=True)
class Where:
    """Where a study's data and runs lie and on what it trains."""

    results: Path
    data_root: Path
    device: torch.device
    precision: str = "auto"
    skip_bad: bool = False


@dataclass(frozen=True)
class Planned:
    """One run of a study.

    Attributes:
        run: its folder, which need not exist yet, and config.
        step: steps done.
        seconds_per_step: measured in this run or one like it; None where nothing was measured.
    """

    cell: Cell
    request: Request
    run: Run
    step: int
    seconds_per_step: float | None

    @property
    def status(self) -> Status:
        """done, half (a checkpoint is there) or missing."""
        return "done" if self.step >= self.run.steps else "half" if self.step else "missing"

    @property
    def seconds_left(self) -> float | None:
        """Training still to come; None where no step was ever timed."""
        if self.status == "done":
            return 0.0
        return None if self.seconds_per_step is None else self.seconds_per_step * (self.run.steps - self.step)


def make(study: Study, where: Where, steps: Mapping[Arm, int] | None = None) -> list[Planned]:
    """The runs of a study in the order in which they train.

    Args:
        steps: of each arm, where the study gives minutes instead.
    Raises:
        UsageError and its children: a data set that is not there, a value that does not fit.
    """
    folders: dict[str, Path] = {}
    timed = timings(list_runs(where.results))
    planned = []
    for cell in cells(study):
        request = _request(study, cell, where, (steps or {}).get(cell.arm))
        config, dataset = identify(request)
        if cell.dataset not in folders:
            folders[cell.dataset] = dataset_folder(where.results, dataset, make=False)
        run = Run(folders[cell.dataset] / config.folder, config)
        planned.append(Planned(cell, request, run, run.step(), timed.get(likeness(config))))
    return planned


def again(planned: Planned) -> Planned:
    """The same run as it stands now."""
    return replace(planned, step=planned.run.step())


def seconds_left(planned: Sequence[Planned], jobs: int = 1) -> float | None:
    """Training still to come, over all; None where a run that is to train was never timed."""
    left = [one.seconds_left for one in planned]
    return None if any(one is None for one in left) else sum(one for one in left if one is not None) / jobs


def likeness(config: RunConfig) -> str:
    """What decides how long a step takes, as text: all of a config but its length."""
    fields = {key: value for key, value in config.config.items() if key not in ("steps", "epochs")}
    return json.dumps([config.method, config.precision, fields], sort_keys=True)


def timings(runs: Sequence[Run]) -> dict[str, float]:
    """Seconds a step, by likeness: the median of the newest run of each."""
    found = {}
    for run in sorted(runs, key=lambda run: run.path.stat().st_mtime):
        if seconds := seconds_per_step(run):
            found[likeness(run.config)] = median(seconds)
    return found


def kept_steps(file: Path) -> dict[str, int]:
    """Steps by arm that `--minutes` once became, from the study's file; empty where it has none."""
    if not file.exists():
        return {}
    return {str(arm): int(steps) for arm, steps in json.loads(file.read_text(encoding="utf-8"))["steps"].items()}


def keep_steps(file: Path, study: Study, steps: Mapping[str, int]) -> None:
    """Write down what `--minutes` became, so that the same command later means the same runs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, {"study": study.model_dump(mode="json"), "steps": dict(steps)})


def _request(study: Study, cell: Cell, where: Where, steps: int | None) -> Request:
    given = overrides(study, cell.arm)
    return Request(
        method=cell.arm.method,
        dataset=cell.dataset,
        results=where.results,
        data_root=where.data_root,
        device=where.device,
        preset=study.preset,
        variant=cell.arm.variant,
        overrides=given if steps is None else {**given, "steps": steps},
        seed=cell.seed,
        direction=cell.direction,
        precision=where.precision,
        skip_bad=where.skip_bad,
    )
