"""Fréchet Inception Distance: Heusel et al. (NeurIPS 2017), eq. 6, with torch-fidelity's own routine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import FEW_IMAGES

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

BLOCK = 8192  # images; in float64 and with 2,048 features they take 128 MiB


def compute(fake: Tensor, real: Tensor) -> Score:
    """FID between features (n, d) and (m, d), at least 2 images per set; a warning under 2,048 images.

    The distance is torch-fidelity's, real set first, from statistics equal to its own. So the digits agree even where
    the covariances have deficient rank and the order of the product shows. There is no interval: with few images
    FID is mostly bias, for which neither a bootstrap nor an extrapolation is sound.

    Raises:
        UsageError: too few images, or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    from ugbench.metrics import _features

    fake, real = _features.checked("fid", fake, real, least=2)
    statistics = [moments(features.cpu()) for features in (real, fake)]
    values = fid_statistics_to_metric(*statistics, verbose=False)
    return Score(float(values[KEY_METRIC_FID]), warning=_features.few_images("fid", fake, real))


def moments(features: Tensor) -> Mapping[str, np.ndarray[Any, Any]]:
    """Mean `mu` (d,) and covariance `sigma` (d, d) of features (n, d) on the CPU, n >= 2.

    This is what torch-fidelity's `fid_features_to_statistics` gives, bit for bit up to BLOCK images and within
    rounding beyond. That function holds the whole set in float64, this one only a block.
    """
    import numpy as np

    rows = features.numpy()
    parts = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    mean = sum(part.sum(0, dtype=np.float64) for part in parts) / len(rows)
    products = sum(centred.T @ centred for centred in (part - mean for part in parts))
    return {"mu": rows.mean(0), "sigma": products * (1 / (len(rows) - 1))}


METRIC = Metric(
    title="FID",
    compute=compute,
    needs=("output_features", "reference_features"),
    higher_is_better=False,
    biased=True,
    least_images=FEW_IMAGES,
    note_if_negative=(
        "fid below 0: the distance itself is never negative; this is the rounding error of a distance of 0, which "
        "outputs have that are copies of the references."
    ),
)
