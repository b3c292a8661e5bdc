"""Improved precision and recall: Kynkäänniemi et al. (NeurIPS 2019), eq. 1 and 2, computed by torch-fidelity."""

from __future__ import annotations

from torch import Tensor
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from ugbench.metric import Score
from ugbench.metrics import _features


def precision_and_recall(metric: str, fake: Tensor, real: Tensor, neighbours: int) -> tuple[Score, Score]:
    """Share of outputs inside the references' manifold, and share of references inside the outputs' manifold.

    The manifold of a set is the union of balls around its images; each ball reaches the `neighbours`-th nearest other
    image of the set.

    Args:
        metric: name of the metric, for error messages and the warning under 2,048 images.
        fake, real: features (n, d) of the outputs and (m, d) of the references.
    Raises:
        UsageError: `neighbours` is below 1, a set has not more images than that, or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    _features.check_neighbours(metric, neighbours)
    fake, real = _features.checked(metric, fake, real, least=neighbours + 1)
    # save_cpu_ram computes block by block; the values are the same.
    values = prc_features_to_metric(fake, real, prc_neighborhood=neighbours, save_cpu_ram=True, verbose=False)
    warning = _features.few_images(metric, fake, real)
    precision, recall = float(values[KEY_METRIC_PRECISION]), float(values[KEY_METRIC_RECALL])
    return Score(precision, warning=warning), Score(recall, warning=warning)
