"""Coverage: the share of references that have an output near them (Naeem et al., ICML 2020, eq. 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import FEW_IMAGES

if TYPE_CHECKING:
    from torch import Tensor


def compute(fake: Tensor, real: Tensor, neighbours: int = 5) -> Score:
    """Coverage, 0 to 1. One outlying output cannot raise it, while it can raise recall.

    Args:
        fake, real: features (n, d), n >= 1, and (m, d), m > `neighbours`; a warning under 2,048 images.
        neighbours: the ball around a reference reaches this nearest other reference; 5 is the authors' default.
    Raises:
        UsageError, UgbenchError: see `_density_coverage.density_and_coverage`.
    """
    from ugbench.metrics._density_coverage import density_and_coverage

    return density_and_coverage("coverage", fake, real, neighbours)[1]


METRIC = Metric(
    title="Coverage",
    compute=compute,
    needs=("output_features", "reference_features"),
    higher_is_better=True,
    settings={"neighbours": 5},
    biased=True,
    least_images=FEW_IMAGES,
)
