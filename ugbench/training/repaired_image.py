"""Continues a run that ended at an unreadable image when the image is repaired, although its id is then another one.

An image that stays on the disk is decoded when a step needs it. A run that meets a damaged one is saved before that
step, so no step has seen the image. With the repaired image the batches of all earlier steps are the same, since they
depend on the number and the order of files alone. So the checkpoint is also that of the run with the repaired image.
"""

from __future__ import annotations

from collections.abc import Iterable

from ugbench.data.datasets import DataSet
from ugbench.runs.failure import damaged_image
from ugbench.runs.run import Run, RunConfig
from ugbench.runs.starting_point import StartingPoint


def run_before_repair(config: RunConfig, dataset: DataSet, runs: Iterable[Run]) -> tuple[StartingPoint, str] | None:
    """The checkpoint of a run that differs from a new one in one image alone, the one that ended it; None if there is
    no such run.

    Args:
        config: of the new run.
        dataset: its data set, with the repaired image.
    Returns:
        The checkpoint, and the relative name of the image ("trainA/7.png").
    """
    if config.dataset is None:
        return None
    for run in runs:
        with_its_images = config.model_copy(update={"dataset": run.config.dataset})
        if run.config.dataset is None or with_its_images.id != run.id or not run.checkpoint_steps():
            continue
        damaged = damaged_image(run)
        if damaged is None:
            continue
        for split in config.dataset.images:
            former = {f"{split}/{damaged[0]}": damaged[1]}
            fingerprint = dataset.fingerprint(config.dataset.images, config.dataset.skipped, replaced=former)
            if fingerprint == run.config.dataset.fingerprint:
                return StartingPoint(run, run.step()), f"{split}/{damaged[0]}"
    return None
