"""The plan of a study: which of its runs are done, half done or missing, and how long the rest will take."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

import torch

from ugbench import registry
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet
from ugbench.data.training_images import TrainingFolders, check_training_images, list_training_images
from ugbench.runs.config_fields import with_later
from ugbench.runs.dataset_folder import dataset_folder, locate_run
from ugbench.runs.run import DatasetRecord, Run, RunConfig, list_runs, record_dataset
from ugbench.runs.training_log import seconds_per_step
from ugbench.study.grid import Arm, Study, StudyRun, overrides, study_runs
from ugbench.training.execution import Execution
from ugbench.training.frozen import frozen_digests
from ugbench.training.prepare import describe_images
from ugbench.training.request import Request, needed_folders, needed_weights, requested_frozen, run_config

Status = Literal["done", "half", "missing"]


@dataclass(frozen=True)
class StudySetup:
    """Where a study's data sets and runs are stored, and on what it trains.

    Attributes:
        weights: the files that `--weights NAME=FILE` gave; those for frozen networks of the methods are used.
        execution: how each run computes its steps.
    """

    results: Path
    data_root: Path
    device: torch.device
    precision: str = "auto"
    skip_bad: bool = False
    weights: Mapping[str, Path] = field(default_factory=dict)
    execution: Execution = field(default_factory=Execution)


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study and how far it is.

    Attributes:
        request: what `ugbench train` is asked for.
        dataset: the data set, opened at the place that the study names.
        run: the run; its folder need not exist yet.
        step: steps done.
        seconds_per_step: measured in this run or one like it; None where nothing was measured.
    """

    study_run: StudyRun
    request: Request
    dataset: DataSet
    run: Run
    step: int
    seconds_per_step: float | None

    @property
    def status(self) -> Status:
        """done, half (there is a checkpoint) or missing."""
        return "done" if self.step >= self.run.steps else "half" if self.step else "missing"

    @property
    def seconds_left(self) -> float | None:
        """Training time still to come; None where no step was ever timed."""
        if self.status == "done":
            return 0.0
        return None if self.seconds_per_step is None else self.seconds_per_step * (self.run.steps - self.step)


def make_plan(
    study: Study,
    setup: StudySetup,
    steps: Mapping[Arm, int] | None = None,
    log: Callable[[str], None] = lambda _text: None,
    frozen: Mapping[Arm, Mapping[str, str]] | None = None,
) -> list[PlannedRun]:
    """The runs of a study in the order in which they train. Each data set is read and hashed once.

    Args:
        steps: steps of each arm, if the study gives minutes instead.
        frozen: from an earlier call of `frozen_by_arm`, so that files of weights are not read again; None calls it.
        log: receives a sentence about the images and other files of each split.
    Raises:
        UsageError and its children: a data set or a file does not exist, or a value does not fit.
    """
    frozen = frozen_by_arm(study, setup) if frozen is None else frozen
    datasets: dict[str, DataSet] = {}
    folders: dict[str, Path] = {}
    records: dict[tuple[str, TrainingFolders], DatasetRecord] = {}
    requests = {
        study_run: _request(study, study_run, setup, (steps or {}).get(study_run.arm))
        for study_run in study_runs(study)
    }
    needed = {study_run: needed_folders(request) for study_run, request in requests.items()}
    for name in study.datasets:
        dataset = datasets[name] = resolve(name, setup.data_root)
        kinds = dict.fromkeys(needed[study_run] for study_run in needed if study_run.dataset == name)
        describe_images(dataset, kinds, log)
        for kind in kinds:
            records[name, kind] = _record_training_data(dataset, setup.skip_bad, log, kind)
        folders[name] = dataset_folder(setup.results, dataset, make=False)
    runs = list_runs(setup.results)
    seconds = measured_seconds_per_step(runs)
    planned = []
    for study_run, request in requests.items():
        config = run_config(request, records[study_run.dataset, needed[study_run]], frozen[study_run.arm])
        run = locate_run(config, runs, folders[study_run.dataset])
        dataset = datasets[study_run.dataset]
        planned.append(PlannedRun(study_run, request, dataset, run, run.step(), seconds.get(cost_key(config))))
    return planned


def needed_weights_of_methods(study: Study, setup: StudySetup) -> tuple[str, ...]:
    """The names, as in `--weights NAME=FILE`, of the files that the methods of a study need."""
    requests = (_request(study, study_run, setup, None) for study_run in study_runs(study))
    return tuple(dict.fromkeys(name for request in requests for name in needed_weights(request)))


def frozen_by_arm(study: Study, setup: StudySetup) -> dict[Arm, dict[str, str]]:
    """Digests of the weights of the frozen networks of each arm, by network; see `ugbench.training.frozen`.

    Raises:
        WeightsError: there is no file of a network, or it cannot be read, or holds another network.
    """
    first_runs = {study_run.arm: study_run for study_run in reversed(study_runs(study))}
    requests = {arm: _request(study, study_run, setup, None) for arm, study_run in first_runs.items()}
    return {arm: frozen_digests(requested_frozen(request)) for arm, request in requests.items()}


def describe(planned: PlannedRun) -> dict[str, Any]:
    """The fields of a planned run, as `compare --json` prints them."""
    study_run = planned.study_run
    return {
        "id": planned.run.id,
        "run": planned.run.path,
        "method": study_run.arm.method,
        "variant": study_run.arm.variant,
        "dataset": planned.run.dataset_folder.name,
        "direction": study_run.direction,
        "seed": study_run.seed,
        "status": planned.status,
        "step": planned.step,
        "steps": planned.run.steps,
        "seconds_per_step": planned.seconds_per_step,
        "seconds_left": planned.seconds_left,
    }


def refreshed(planned: PlannedRun) -> PlannedRun:
    """The same run with the step that it has reached by now."""
    return replace(planned, step=planned.run.step())


def seconds_left(planned: Sequence[PlannedRun], jobs: int = 1) -> float | None:
    """Training time still to come over all runs; None where a run that is to train was never timed."""
    total = 0.0
    for run in planned:
        if run.seconds_left is None:
            return None
        total += run.seconds_left
    return total / jobs


def cost_key(config: RunConfig) -> str:
    """What decides how long a step takes, as text: the method, the precision and all config fields but the steps."""
    fields = {key: value for key, value in with_later(config.config).items() if key not in ("steps", "epochs")}
    return json.dumps([config.method, config.precision, fields], sort_keys=True)


def measured_seconds_per_step(runs: Sequence[Run]) -> dict[str, float]:
    """Seconds per step by `cost_key`: the median of the newest run of each key."""
    seconds_by_key = {}
    for run in sorted(runs, key=lambda run: run.path.stat().st_mtime):
        if seconds := seconds_per_step(run):
            seconds_by_key[cost_key(run.config)] = median(seconds)
    return seconds_by_key


def _record_training_data(
    dataset: DataSet, skip_bad: bool, log: Callable[[str], None], folders: TrainingFolders
) -> DatasetRecord:
    if skip_bad:
        return record_dataset(dataset, *check_training_images(dataset, skip_bad=True, log=log, folders=folders))
    return record_dataset(dataset, list_training_images(dataset, folders))


def _request(study: Study, study_run: StudyRun, setup: StudySetup, steps: int | None) -> Request:
    fields = overrides(study, study_run.arm)
    names = registry.load_method(study_run.arm.method).frozen.values()
    return Request(
        method=study_run.arm.method,
        dataset=study_run.dataset,
        results=setup.results,
        data_root=setup.data_root,
        device=setup.device,
        preset=study.preset,
        variant=study_run.arm.variant,
        overrides=fields if steps is None else {**fields, "steps": steps},
        seed=study_run.seed,
        direction=study_run.direction,
        precision=setup.precision,
        weights={name: file for name, file in setup.weights.items() if name in names},
        skip_bad=setup.skip_bad,
        execution=setup.execution,
    )
