"""Fréchet Inception Distance: Heusel et al. (NeurIPS 2017), eq. 6, by torch-fidelity's own routine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from ugbench.metric import Metric, Score
from ugbench.metrics import _features

BLOCK = 8192  # images; of 2,048 features in float64 they are 128 MiB


def compute(fake: Tensor, real: Tensor) -> Score:
    """FID between features (n, d) and (m, d), at least 2 a side; a warning under 2,048.

    torch-fidelity's distance, real set first, of statistics equal to its own, so that its digits are met even where
    the covariances are of deficient rank and the order of the product shows in them. No interval: on few images
    FID is mostly bias, for which neither a bootstrap nor an extrapolation is sound.
    """
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    fake, real = _features.checked("fid", fake, real, least=2)
    statistics = [moments(features.cpu()) for features in (real, fake)]
    found = fid_statistics_to_metric(*statistics, verbose=False)
    return Score(float(found[KEY_METRIC_FID]), warning=_features.few_images("fid", fake, real))


def moments(features: Tensor) -> Mapping[str, np.ndarray[Any, Any]]:
    """Mean `mu` (d,) and covariance `sigma` (d, d) of features (n, d) on the CPU, n >= 2.

    What torch-fidelity's `fid_features_to_statistics` gives, to the bit up to BLOCK images and to rounding beyond:
    that holds the whole set again in float64, this a block.
    """
    whole = features.numpy()
    parts = [whole[start : start + BLOCK] for start in range(0, len(whole), BLOCK)]
    mean = sum(part.sum(0, dtype=np.float64) for part in parts) / len(whole)
    products = (_product(part - mean) for part in parts)
    sigma = next(products)
    for product in products:
        sigma += product
    sigma *= 1 / (len(whole) - 1)
    return {"mu": whole.mean(0), "sigma": sigma}


def _product(centred: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = centred.T @ centred
    return found


METRIC = Metric(title="FID", compute=compute, needs="features", higher_is_better=False)
