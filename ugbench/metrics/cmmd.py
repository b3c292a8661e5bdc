"""CMMD: the squared maximum mean discrepancy of normalised CLIP embeddings under a Gaussian kernel, times 1,000.

Jayasumana et al., Rethinking FID: Towards a Better Evaluation Metric for Image Generation (CVPR 2024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import MIN_FOR_INTERVAL

if TYPE_CHECKING:
    from torch import Tensor

SIGMA = 10.0
SCALE = 1000.0


def compute(fake: Tensor, real: Tensor) -> Score:
    """CMMD between CLIP embeddings (n, d) and (m, d), which are divided by their lengths first.

    The value is the unbiased estimate, as the paper defines CMMD; error, interval and test are those of
    `_unbiased.unbiased_score`. The authors' code leaves the kernel of each image with itself in its two means, which
    adds 1000 (1 - k) / n for each set, where k is the mean kernel of two different images of the set. That is at most
    20 / n: nothing at the 30,000 images of published values, and much at 100.

    Raises:
        UsageError: a set has fewer than 2 images, or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    from ugbench.metrics import _features
    from ugbench.metrics._unbiased import unbiased_score

    fake, real = _features.checked("cmmd", fake, real, least=2)
    unit_fake, unit_real = (features / features.norm(dim=1, keepdim=True).clamp_min(1e-12) for features in (fake, real))
    return unbiased_score(unit_fake, unit_real, gaussian, SCALE)


def gaussian(x: Tensor, y: Tensor) -> Tensor:
    """The kernel exp(-|x - y|^2 / (2 sigma^2)) of each pair of rows of (n, d) and (m, d), float64 (n, m)."""
    x, y = x.double(), y.double()
    distances = (x @ y.T).mul_(-2).add_(x.square().sum(1, keepdim=True)).add_(y.square().sum(1))
    return distances.div_(-2 * SIGMA**2).exp_()


METRIC = Metric(
    title="CMMD",
    compute=compute,
    needs=("output_features", "reference_features"),
    higher_is_better=False,
    extractor="clip",
    least_images=MIN_FOR_INTERVAL,
    note_if_negative=(
        "cmmd below 0: the estimate is unbiased, so it can fall below 0 where the true distance is near 0; a value "
        "several standard errors below 0 is a sign that outputs are copies of references."
    ),
)
