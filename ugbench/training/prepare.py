"""Everything that happens before the first training step: the run's config and folder, and its images in memory.

Resuming from a checkpoint is part of the loop (loop.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ugbench import registry
from ugbench.data.batches import training_size
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet
from ugbench.data.edges import outdated_command
from ugbench.data.fitting import Transform
from ugbench.data.folders import describe_splits
from ugbench.data.progress import Progress
from ugbench.data.splits import SPLITS
from ugbench.data.training_images import TrainingFolders, check_training_images, training_folders
from ugbench.device import pick_precision
from ugbench.direction import Direction
from ugbench.errors import DiskError, UsageError
from ugbench.fit import SQUASH
from ugbench.method import Method, MethodConfig
from ugbench.runs import checkpoint
from ugbench.runs.dataset_folder import dataset_folder, locate_run, open_located_run, remember_place
from ugbench.runs.manifest import DamagedCheckpoint
from ugbench.runs.run import DatasetRecord, Run, RunConfig, list_runs, open_run, record_dataset
from ugbench.training.frozen import frozen_digests, needed_files, read_frozen
from ugbench.training.images import load_folders, sample_images
from ugbench.training.loop import Images
from ugbench.training.method_check import check_method
from ugbench.training.start import Start, StartOptions

# The name of a method without a variant on the command line; records hold null.
BASE = "full"


@dataclass(frozen=True)
class Request:
    """The options of `ugbench train`.

    Attributes:
        results: the folder of the runs.
        data_root: the folder of the data sets that are known by name.
        overrides: values of config fields that replace those of the preset and the variant.
        weights: the files of the method's frozen networks, by their names for `--weights`.
        start: where the run starts, if it does not start from new weights.
        skip_bad: leave out images that cannot be read.
        restart: begin again at step 0; `loop.train` then removes what an earlier training of the run wrote.
    """

    method: str
    dataset: str
    results: Path
    data_root: Path
    device: torch.device
    preset: str = "paper"
    variant: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    direction: Direction | None = None
    precision: str = "auto"
    weights: Mapping[str, Path] = field(default_factory=dict)
    start: StartOptions = field(default_factory=StartOptions)
    skip_bad: bool = False
    restart: bool = False


def prepare(
    request: Request,
    log: Callable[[str], None] = lambda _text: None,
    progress: Progress | None = None,
) -> tuple[Run, Images | None, Start]:
    """Check everything that the first step needs, load the images and open the run's folder.

    The folder comes last, so that a call that is refused leaves no run behind. A finished run is only opened: its
    images are not loaded, and images that an earlier call has read are not decoded.

    Args:
        log: called with a sentence about the images and other files of each split, for each image that is left out,
            and for each split that uses little of its range.
        progress: called after each image.
    Returns:
        The run; its images, None if there is nothing left to train; and what its training is given.
    Raises:
        UsageError or a subclass: an unknown name, a config value, an unreadable image, a wrong direction or a file of
            weights.
        UgbenchError: see `ugbench.training.method_check.check_method`.
    """
    frozen = requested_frozen(request)
    dataset, readable, stored = _locate(request, frozen_digests(frozen), log, progress)
    if not request.restart and _is_finished(stored):
        request.start.log_newer_step(stored.config, request.results, log)
        try:
            remember_place(stored.dataset_folder, dataset)
        except DiskError as error:  # nothing else is to be written for a finished run
            log(str(error))
        # Opening writes config.json again if it is damaged; a run with another folder was found by its config.json.
        has_usual_folder = stored.path == stored.dataset_folder / stored.config.folder
        run = open_run(stored.dataset_folder, stored.config) if has_usual_folder else stored
        return run, None, Start()
    config = stored.config.method_config()
    start = replace(_start(request, stored, log), frozen=frozen)
    _check_method(stored, log)
    folders = needed_folders(request)
    loaded = load_folders(readable, config, folders.paired, progress)
    extra = {name: loaded[folder] for name, folder in folders.further}
    transform = Transform(config.size, config.fit)
    samples = {domain: sample_images(dataset, domain, readable, transform, log) for domain in ("A", "B")}
    run = open_located_run(stored.config, request.results, dataset)
    return run, Images(loaded["trainA"], loaded["trainB"], samples, extra), start


def _is_finished(run: Run) -> bool:
    """Whether the loop would find nothing to do or to repair: the last checkpoint and generators.safetensors are
    undamaged and of the last step, and there is a method.json.
    """
    if not (run.is_done() and run.method_file.exists() and checkpoint.is_intact(run.checkpoint(run.step()))):
        return False
    try:
        return checkpoint.read_generators(run.generators_file)[1] == run.step()
    except DamagedCheckpoint:
        return False


def planned_run(
    request: Request, log: Callable[[str], None] = lambda _text: None, progress: Progress | None = None
) -> Run:
    """The run that `prepare` opens for the same request; its folder need not exist, and none is made.

    Args:
        log: called with the sentences that `prepare` logs.
        progress: called after each image.
    Raises:
        UsageError or a subclass: as in `prepare`.
    """
    _, _, run = _locate(request, frozen_digests(requested_frozen(request)), log, progress)
    _start(request, run, log)
    _check_method(run, log)
    return run


def _check_method(run: Run, log: Callable[[str], None]) -> None:
    """Check the method of a run that has not begun; one that has begun was checked then."""
    if not run.checkpoint_steps():
        for sentence in check_method(run.config.method, run.config.method_config()):
            log(sentence)


def _locate(
    request: Request, frozen: Mapping[str, str], log: Callable[[str], None], progress: Progress | None
) -> tuple[DataSet, Mapping[str, Sequence[Path]], Run]:
    """The data set, the images to train with by folder, and the run, whose folder need not exist."""
    folders = needed_folders(request)
    dataset = resolve(request.dataset, request.data_root, progress)
    describe_images(dataset, [folders], log)
    readable, skipped = check_training_images(dataset, request.skip_bad, progress, log, folders)
    config = run_config(request, record_dataset(dataset, readable, skipped), frozen)
    folder = dataset_folder(request.results, dataset, make=False)
    return dataset, readable, locate_run(config, list_runs(request.results), folder)


def scored_images(request: Request, progress: Progress | None = None) -> tuple[DataSet, Transform]:
    """The data set of the run, and the transform that its test images go through before outputs are scored.

    Args:
        progress: called after each image of a dial that is drawn.
    Raises:
        UsageError or a subclass: an unknown name, a config value, or a data set.
    """
    config = _method_config(request, registry.load_method(request.method))
    return resolve(request.dataset, request.data_root, progress), Transform(config.size, config.fit)


def needed_weights(request: Request) -> tuple[str, ...]:
    """The names, as in `--weights NAME=FILE`, of the files that the method that is asked for needs.

    Raises:
        UsageError or a subclass: an unknown name, or a config value.
    """
    method = registry.load_method(request.method)
    return needed_files(request.method, _method_config(request, method)) if method.frozen else ()


def requested_frozen(request: Request) -> dict[str, Tensor]:
    """The weights of the frozen networks of the method that is asked for, by their names in the method.

    Raises:
        UsageError or a subclass: an unknown name, a config value or a file of weights.
    """
    if not request.weights and not registry.load_method(request.method).frozen:
        return {}
    return read_frozen(request.method, _method_config(request, registry.load_method(request.method)), request.weights)


def needed_folders(request: Request) -> TrainingFolders:
    """The folders that the method reads, in the direction of the run.

    Raises:
        UsageError or a subclass: there is no such method, it does not learn that direction, or one of its splits
            cannot have its name.
    """
    method = registry.load_method(request.method)
    exchanged = _direction(request, method) == "B2A"
    config = _method_config(request, method) if method.splits else None
    size = None if config is None else training_size(config.size)
    fit = SQUASH if config is None else config.fit
    try:
        return training_folders(method.splits, method.paired, exchanged, size, fit)
    except ValueError as error:
        raise UsageError(f"splits of {request.method}: {error}.") from None


def describe_images(dataset: DataSet, folders: Iterable[TrainingFolders], log: Callable[[str], None]) -> None:
    """Say how many images of each split of a data set, and of further folders that are needed, are used."""
    folders = list(folders)
    if dataset.dial is not None and any(needed.paired for needed in folders):
        log(
            f"{dataset.name}: this method trains with pairs, and the training images of a dial are no pairs, in spite "
            "of their names."
        )
    further = dict.fromkeys((name, needed.size, needed.fit) for needed in folders for _, name in needed.further)
    for sentence in describe_splits(dataset, dict.fromkeys((*SPLITS, *(name for name, _, _ in further)))):
        log(sentence)
    for name, size, fit in further:
        if (command := outdated_command(dataset, name, size, fit)) is not None:
            log(
                f"{dataset.name}/{name} was made of other images, or in another size, than this training reads; make "
                f"it again: `{command}`."
            )


def _variant(request: Request) -> str | None:
    return None if request.variant == BASE else request.variant


def _method_config(request: Request, method: type[Method]) -> MethodConfig:
    """The config of the method, before its steps are resolved."""
    return method.make_config(request.preset, _variant(request), request.overrides)


def _direction(request: Request, method: type[Method]) -> Direction | None:
    """The direction of the run; None if the method learns both."""
    if len(method.directions) == 1:
        return request.direction or method.directions[0]
    if request.direction is not None:
        raise UsageError(
            f"--direction {request.direction}: {request.method} learns both directions at once; leave it out."
        )
    return None


def run_config(request: Request, dataset: DatasetRecord, frozen: Mapping[str, str]) -> RunConfig:
    """The config of the run that `prepare` opens, which decides its id.

    Args:
        frozen: digests of the weights of `requested_frozen`, by network.
    Raises:
        UsageError or a subclass: as in `prepare`.
    """
    method = registry.load_method(request.method)
    config = _method_config(request, method)
    new = RunConfig(
        method=request.method,
        variant=_variant(request),
        preset=request.preset,
        config=config.resolved(dataset.images["trainA"], dataset.images["trainB"]).model_dump(),
        dataset=dataset,
        direction=_direction(request, method),
        seed=request.seed,
        precision=pick_precision(request.precision, request.device),
        frozen=dict(frozen),
    )
    return request.start.recorded_in(new, request.results)


def _start(request: Request, run: Run, log: Callable[[str], None]) -> Start:
    """What the run takes from another one; nothing if it has a checkpoint to go on from."""
    if run.checkpoint_steps() and not request.restart:
        request.start.log_newer_step(run.config, request.results, log)
        return Start()
    return request.start.load(run.config, request.results, log)
