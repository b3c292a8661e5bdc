"""Fréchet Inception Distance: Heusel et al. (NeurIPS 2017), eq. 6, with torch-fidelity's own routine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import FEW_IMAGES

if TYPE_CHECKING:
    from torch import Tensor

    from ugbench.metrics._moments import Moments


def compute(fake: Tensor, real: Tensor | Moments) -> Score:
    """FID between features (n, d) and (m, d), at least 2 images per set; a warning under 2,048 images.

    The distance is torch-fidelity's, real set first, from statistics equal to its own. So the digits agree even where
    the covariances have deficient rank and the order of the product matters. There is no interval: with few images
    FID is mostly bias, for which neither a bootstrap nor an extrapolation is sound.

    Args:
        real: features, or only their moments; the number of images of moments is not known.
    Raises:
        UsageError: too few images, or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    from torch import Tensor

    from ugbench.metrics import _features
    from ugbench.metrics._moments import Moments, moments_of

    if isinstance(real, Tensor):
        fake, real = _features.checked("fid", fake, real, least=2)
        return Score(_distance(fake, moments_of(real.cpu())), warning=_features.few_images("fid", fake, real))
    fake = _features.checked_against_dim("fid", fake, len(real.mu), least=2)
    # Statistics of other tools are float64, and torch-fidelity compares statistics of one type.
    real = Moments(real.mu.astype("float64"), real.sigma.astype("float64"))
    return Score(_distance(fake.double(), real), warning=_features.few_against_statistics("fid", fake))


def _distance(fake: Tensor, real: Moments) -> float:
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    from ugbench.metrics._moments import moments_of

    return float(fid_statistics_to_metric(vars(real), vars(moments_of(fake.cpu())), verbose=False)[KEY_METRIC_FID])


METRIC = Metric(
    title="FID",
    compute=compute,
    needs=("output_features", "reference_statistics"),
    higher_is_better=False,
    biased=True,
    least_images=FEW_IMAGES,
    note_if_negative=(
        "fid below 0: the distance itself is never negative; this is the rounding error of a distance of 0, which "
        "outputs have that are copies of the references."
    ),
)
