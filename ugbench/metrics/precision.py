"""Improved precision: the share of outputs that look like references (Kynkäänniemi et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import FEW_IMAGES

if TYPE_CHECKING:
    from torch import Tensor


def compute(fake: Tensor, real: Tensor, neighbours: int = 3) -> Score:
    """Precision, 0 to 1, from features (n, d) and (m, d), more than `neighbours` per set; a warning under 2,048.

    Raises:
        UsageError, UgbenchError: see `_precision_recall.precision_and_recall`.
    """
    from ugbench.metrics._precision_recall import precision_and_recall

    return precision_and_recall("precision", fake, real, neighbours)[0]


METRIC = Metric(
    title="Precision",
    compute=compute,
    needs=("output_features", "reference_features"),
    higher_is_better=True,
    settings={"neighbours": 3},
    biased=True,
    least_images=FEW_IMAGES,
)
