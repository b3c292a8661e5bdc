"""Improved precision and recall: Kynkäänniemi et al. (NeurIPS 2019), eq. 1 and 2, by torch-fidelity."""

from __future__ import annotations

from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import _features


def precision_and_recall(metric: str, fake: Tensor, real: Tensor, neighbours: int) -> tuple[float, float]:
    """Share of fakes inside the reals' manifold, and share of reals inside the fakes'.

    A set's manifold is the union of balls around its images that reach their `neighbours`-th nearest one.

    Raises:
        UsageError: `neighbours` is below 1, or a set has no image that far.
    """
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    if neighbours < 1:
        raise UsageError(f"{metric}: neighbours={neighbours} was given; it is at least 1.")
    fake, real = _features.checked(metric, fake, real, least=neighbours + 1)
    # save_cpu_ram goes by blocks, with the same values.
    found = prc_features_to_metric(fake, real, prc_neighborhood=neighbours, save_cpu_ram=True, verbose=False)
    return float(found[KEY_METRIC_PRECISION]), float(found[KEY_METRIC_RECALL])
