"""Improved recall: the share of references that outputs reach (Kynkäänniemi et al. 2019)."""

from __future__ import annotations

from torch import Tensor

from ugbench.metric import Metric, Score
from ugbench.metrics import _features
from ugbench.metrics._manifold import precision_and_recall


def compute(fake: Tensor, real: Tensor, neighbours: int = 3) -> Score:
    """Recall, 0 to 1, from features (n, d) and (m, d), over `neighbours` a side; a warning under 2,048."""
    value = precision_and_recall("recall", fake, real, neighbours)[1]
    return Score(value, warning=_features.few_images("recall", fake, real))


METRIC = Metric(title="Recall", compute=compute, needs="features", higher_is_better=True, settings={"neighbours": 3})
