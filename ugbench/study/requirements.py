"""Checks before a study trains that its runs can be scored: metrics, weights of networks, and test images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.images import read_image
from ugbench.data.progress import Progress, tracked
from ugbench.direction import DIRECTIONS
from ugbench.errors import NoSuchScore, UsageError
from ugbench.registry import load_metric
from ugbench.scoring.request import EvalRequest, metrics_for
from ugbench.study.plan import PlannedRun

FEATURES = ("output_features", "reference_features", "reference_statistics", "source_features")


def check_scores(request: EvalRequest, planned: Sequence[PlannedRun], progress: Progress | None = None) -> None:
    """Check, before hours of training, all that scoring needs besides trained runs.

    Args:
        progress: called after each test image; they are read only if a run is still to be trained.
    Raises:
        NoSuchScore: no data set of the study can have any of the metrics.
        WeightsError: there is no file of a network's weights, or it is wrong.
        DataError: a test image is missing or cannot be read.
        UsageError: there are too few test images for a metric.
    """
    by_folder = {planned_run.run.dataset_folder: planned_run for planned_run in planned}
    fitting: dict[str, tuple[DataSet, tuple[str, ...], Transform]] = {}
    refusals = []
    for planned_run in by_folder.values():
        dataset, transform = planned_run.dataset, planned_run.run.config.transform
        try:
            fitting[str(dataset.root)] = (dataset, metrics_for(request, dataset), transform)
        except NoSuchScore as error:
            refusals.append(error)
    if not fitting and refusals:
        raise refusals[0]
    for dataset, names, transform in fitting.values():
        for name in names:
            request.protocol_of(name, transform)  # loads the networks that the metric uses
        images = _count_images(request, dataset, names, transform)
        if any(planned_run.status != "done" for planned_run in planned):
            for path in tracked(images, len(images), progress):
                read_image(path)


def _count_images(request: EvalRequest, dataset: DataSet, names: Sequence[str], transform: Transform) -> list[Path]:
    """The test images of a data set, each once; checks that they are enough for each metric in both directions."""
    images: dict[Path, None] = {}
    for direction in DIRECTIONS:
        eval_set = request.eval_set(dataset, direction, transform)
        references = eval_set.references(request.protocol.reference)
        images |= dict.fromkeys([*eval_set.source_set.files, *references.files])
        for name in names:
            n_sources, n_references = len(eval_set.source_set.scored), len(references.scored)
            _check_count(request, name, n_sources, n_references, f"{dataset.name} {direction}")
    return list(images)


def _check_count(request: EvalRequest, name: str, n_fake: int, n_real: int, where: str) -> None:
    """Compute a metric of features on as many random features: how many images it needs only the metric knows."""
    metric = load_metric(name)
    if not set(metric.needs) <= set(FEATURES):
        return
    counts = {"output_features": n_fake, "source_features": n_fake}
    counts |= dict.fromkeys(("reference_features", "reference_statistics"), n_real)
    random = torch.Generator().manual_seed(0)
    inputs = [torch.randn(counts[needed], 4, generator=random) for needed in metric.needs]
    try:
        metric.compute(*inputs, **{**metric.settings, **request.settings_of(name)})
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
