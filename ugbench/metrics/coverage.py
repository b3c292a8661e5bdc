"""Coverage: the share of references that have an output near them (Naeem et al., ICML 2020, eq. 5)."""

from __future__ import annotations

from torch import Tensor

from ugbench.metric import Metric, Score
from ugbench.metrics import _features
from ugbench.metrics._balls import density_and_coverage


def compute(fake: Tensor, real: Tensor, neighbours: int = 5) -> Score:
    """Coverage, 0 to 1: one outlying output cannot raise it, as it can recall.

    Args:
        fake, real: features (n, d), n >= 1, and (m, d), m > `neighbours`; a warning under 2,048.
        neighbours: which nearest reference a reference's ball reaches; the authors' default is 5.
    """
    value = density_and_coverage("coverage", fake, real, neighbours)[1]
    return Score(value, warning=_features.few_images("coverage", fake, real))


METRIC = Metric(title="Coverage", compute=compute, needs="features", higher_is_better=True, settings={"neighbours": 5})
