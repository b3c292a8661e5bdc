"""Density: how many references lie around an output (Naeem et al., ICML 2020, eq. 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import FEW_IMAGES

if TYPE_CHECKING:
    from torch import Tensor


def compute(fake: Tensor, real: Tensor, neighbours: int = 5) -> Score:
    """Density, at least 0; about 1 where both sets are alike, and more where outputs crowd among references.

    Args:
        fake, real: features (n, d), n >= 1, and (m, d), m > `neighbours`; a warning under 2,048 images.
        neighbours: the ball around a reference reaches this nearest other reference; 5 is the authors' default.
    Raises:
        UsageError, UgbenchError: see `_density_coverage.density_and_coverage`.
    """
    from ugbench.metrics._density_coverage import density_and_coverage

    return density_and_coverage("density", fake, real, neighbours)[0]


METRIC = Metric(
    title="Density",
    compute=compute,
    needs=("output_features", "reference_features"),
    higher_is_better=True,
    settings={"neighbours": 5},
    biased=True,
    least_images=FEW_IMAGES,
)
