"""Checks before a study trains that its runs can be scored: metrics, weights of networks, and test images."""

from __future__ import annotations

from collections.abc import Sequence

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.progress import Progress
from ugbench.errors import NoSuchScore
from ugbench.scoring.request import EvalRequest, metrics_for
from ugbench.scoring.requirements import check_can_score
from ugbench.study.plan import PlannedRun


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
    is_unfinished = any(planned_run.status != "done" for planned_run in planned)
    for dataset, names, transform in fitting.values():
        check_can_score(request, dataset, names, transform, progress, read=is_unfinished)
