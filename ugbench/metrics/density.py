"""Density: how thick references lie around an output (Naeem et al., ICML 2020, eq. 4)."""

from __future__ import annotations

from torch import Tensor

from ugbench.metric import Metric, Score
from ugbench.metrics import _features
from ugbench.metrics._balls import density_and_coverage


def compute(fake: Tensor, real: Tensor, neighbours: int = 5) -> Score:
    """Density, from 0; about 1 where both sets are alike, and more where outputs crowd among references.

    Args:
        fake, real: features (n, d), n >= 1, and (m, d), m > `neighbours`; a warning under 2,048.
        neighbours: which nearest reference a reference's ball reaches; the authors' default is 5.
    """
    value = density_and_coverage("density", fake, real, neighbours)[0]
    return Score(value, warning=_features.few_images("density", fake, real))


METRIC = Metric(title="Density", compute=compute, needs="features", higher_is_better=True, settings={"neighbours": 5})
