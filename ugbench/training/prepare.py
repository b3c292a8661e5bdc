"""Everything that happens before the first training step: the run's config and folder, and its images in memory.

Resuming from a checkpoint is part of the loop (loop.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ugbench import registry
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet
from ugbench.data.edges import outdated_command
from ugbench.data.folders import describe_splits
from ugbench.data.progress import Progress
from ugbench.data.splits import SPLITS
from ugbench.data.training_images import (
    TrainingFolders,
    check_training_images,
    list_training_images,
)
from ugbench.errors import DiskError
from ugbench.runs import checkpoint
from ugbench.runs.config_fields import with_free_of
from ugbench.runs.dataset_folder import dataset_folder, locate_run, open_located_run, remember_place
from ugbench.runs.manifest import DamagedCheckpoint
from ugbench.runs.run import Run, RunConfig, list_runs, open_run, record_dataset
from ugbench.training import compiling
from ugbench.training.frozen import frozen_digests
from ugbench.training.image_place import ImagePlace, choose_place
from ugbench.training.images import Images, images_of
from ugbench.training.method_check import check_method
from ugbench.training.ranks import check_divides
from ugbench.training.repaired_image import run_before_repair
from ugbench.training.request import Request, method_config, needed_folders, requested_frozen, run_config
from ugbench.training.start import Start


def prepare(
    request: Request,
    log: Callable[[str], None] = lambda _text: None,
    progress: Progress | None = None,
) -> tuple[Run, Images | None, Start]:
    """Check everything that the first step needs, load the images and open the run's folder.

    The folder comes last, so that a call that is refused leaves no run behind. A finished run is only opened: its
    images are not loaded, and images that an earlier call has read are not decoded. Images that stay on the disk are
    decoded when a step needs them, unless `skip_bad` asks which of them can be read.

    Args:
        log: called with a sentence about the images and other files of each split, for each image that is left out,
            and for each split whose images use little of their range.
        progress: called after each image.
    Returns:
        The run; its images, None if there is nothing left to train; and what its training is given.
    Raises:
        UsageError or a subclass: an unknown name, a config value, an unreadable image, a wrong direction or a file of
            weights.
        UgbenchError: see `ugbench.training.method_check.check_method`.
    """
    frozen = requested_frozen(request)
    dataset, readable, place, stored = _locate(request, frozen_digests(frozen), log, progress)
    _check_execution(request, stored)
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
    start = replace(_start_after_repair(request, stored, dataset, log), frozen=frozen)
    _check_method(stored, log)
    folders = needed_folders(request)
    images = images_of(dataset, readable, folders, config, place, log, progress)
    run = _computed_as(stored.config, open_located_run(stored.config, request.results, dataset))
    return run, images, start


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
    _, _, _, run = _locate(request, frozen_digests(requested_frozen(request)), log, progress)
    _check_execution(request, run)
    _start(request, run, log)
    _check_method(run, log)
    return run


def _check_execution(request: Request, run: Run) -> None:
    """Check that the steps of a run can be computed as they are asked for."""
    request.execution.check(request.device, run.config.precision, request.ranks.count)
    compiling.check(request.execution, run.config.method_config(), request.device)


def _check_method(run: Run, log: Callable[[str], None]) -> None:
    """Check the method of a run that has not begun; one that has begun was checked then."""
    if not run.checkpoint_steps():
        for sentence in check_method(run.config.method, run.config.method_config()):
            log(sentence)


def _locate(
    request: Request, frozen: Mapping[str, str], log: Callable[[str], None], progress: Progress | None
) -> tuple[DataSet, Mapping[str, Sequence[Path]], ImagePlace, Run]:
    """The data set, the images to train with by folder, where they are stored while the run trains, and the run, whose
    folder need not exist.
    """
    folders = needed_folders(request)
    dataset = resolve(request.dataset, request.data_root, progress)
    describe_images(dataset, [folders], log)
    listed = list_training_images(dataset, folders, request.skip_bad)
    config_of_method = method_config(request, registry.load_method(request.method))
    check_divides(request.ranks, config_of_method.batch_size)
    place = choose_place(listed, config_of_method, request.device, request.images, request.jobs)
    if place.place == "disk" and not request.skip_bad:
        readable, skipped = listed, list[str]()
        dataset.fingerprint(listed, progress=progress)  # reads the files that are not known yet
    else:
        readable, skipped = check_training_images(dataset, request.skip_bad, progress, log, folders)
    config = run_config(request, record_dataset(dataset, readable, skipped), frozen)
    folder = dataset_folder(request.results, dataset, make=False)
    return dataset, readable, place, _computed_as(config, locate_run(config, list_runs(request.results), folder))


def _computed_as(config: RunConfig, run: Run) -> Run:
    """The run with those fields of a request's config that a run may change; its config.json keeps its own."""
    fields = with_free_of(run.config.config, config.config)
    return replace(run, config=run.config.model_copy(update={"config": fields}))


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


def _start(request: Request, run: Run, log: Callable[[str], None]) -> Start:
    """What the run takes from another one; nothing if it has a checkpoint to go on from."""
    if run.checkpoint_steps() and not request.restart:
        request.start.log_newer_step(run.config, request.results, log)
        return Start()
    return request.start.load(run.config, request.results, log)


def _start_after_repair(request: Request, run: Run, dataset: DataSet, log: Callable[[str], None]) -> Start:
    """`_start`; but a new run goes on from one that ended at an image which is repaired now, if there is one."""
    start = _start(request, run, log)
    if run.checkpoint_steps() or request.restart:
        return start
    before = run_before_repair(run.config, dataset, list_runs(request.results))
    if before is None:
        return start
    point, image = before
    log(f"{image} is another image than in run {point.run.id}, which ended at it; training goes on from its step.")
    return replace(start, continued=point)
