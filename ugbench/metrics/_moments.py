"""The mean and the covariance of features: all that FID uses of a set of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 8192  # images; in float64 and with 2,048 features they take 128 MiB


@dataclass(frozen=True)
class Moments:
    """The mean `mu` (d,) and the covariance `sigma` (d, d) of a set of features."""

    mu: NDArray[np.floating[Any]]
    sigma: NDArray[np.floating[Any]]


def moments_of(features: Tensor) -> Moments:
    """The moments of features (n, d) on the CPU, n >= 2.

    This is what torch-fidelity's `fid_features_to_statistics` gives, bit for bit up to BLOCK images and within
    rounding beyond. That function holds the whole set in float64, this one only a block.
    """
    rows = features.numpy()
    parts = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    mean = sum(part.sum(0, dtype=np.float64) for part in parts) / len(rows)
    products = sum(centred.T @ centred for centred in (part - mean for part in parts))
    return Moments(rows.mean(0), products * (1 / (len(rows) - 1)))
