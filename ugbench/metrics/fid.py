"""Fréchet Inception Distance: Heusel et al. (NeurIPS 2017), eq. 6, by torch-fidelity's own routine."""

from __future__ import annotations

from torch import Tensor

from ugbench.metric import Metric, Score
from ugbench.metrics import _features


def compute(fake: Tensor, real: Tensor) -> Score:
    """FID between features (n, d) and (m, d), at least 2 a side; a warning under 2,048.

    torch-fidelity's statistics and distance, real set first, so that its digits are met even where the
    covariances are of deficient rank and the order of the product shows in them. No interval: on few images
    FID is mostly bias, for which neither a bootstrap nor an extrapolation is sound.
    """
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    fake, real = _features.checked("fid", fake, real, least=2)
    statistics = [fid_features_to_statistics(features.cpu()) for features in (real, fake)]
    found = fid_statistics_to_metric(*statistics, verbose=False)
    return Score(float(found[KEY_METRIC_FID]), warning=_features.few_images("fid", fake, real))


METRIC = Metric(title="FID", compute=compute, needs="features", higher_is_better=False)
