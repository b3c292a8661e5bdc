"""Checks that a data set can be scored, before hours of training: metrics, weights of networks, and test images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.images import read_image
from ugbench.data.progress import Progress, tracked
from ugbench.direction import DIRECTIONS
from ugbench.errors import UsageError
from ugbench.registry import load_metric
from ugbench.scoring.request import EvalRequest

FEATURES = ("output_features", "reference_features", "reference_statistics", "source_features")


def check_can_score(
    request: EvalRequest,
    dataset: DataSet,
    names: Sequence[str],
    transform: Transform,
    progress: Progress | None = None,
    read: bool = True,
) -> None:
    """Check all that scores of outputs need besides the outputs.

    Args:
        names: of metrics that the data set can have, as `metrics_for` gives them.
        transform: the test transform of the run.
        progress: called after each test image.
        read: read all test images too.
    Raises:
        WeightsError: there is no file of a network's weights, or it is wrong.
        DataError: a test image is missing or cannot be read.
        UsageError: there are too few test images for a metric.
    """
    for name in names:
        request.protocol_of(name, transform)  # loads the networks that the metric uses
    images = _count_images(request, dataset, names, transform)
    if read:
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
    """Compute a metric of features on as many random features, because only the metric knows how many it needs."""
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
