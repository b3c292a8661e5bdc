"""KID mixed over both domains, as the last version of the U-GAT-IT authors' script has it (protocol `authors2019`).

An untouched source nearly always wins it, so no table marks a best; see `_blocks.mixed_score`.
"""

from __future__ import annotations

from torch import Tensor

from ugbench.metric import Metric, Score
from ugbench.metrics._blocks import LARGEST, SOURCE_WEIGHT, mixed_score


def compute(
    fake: Tensor, real: Tensor, source: Tensor, source_weight: float = SOURCE_WEIGHT, block_size: int = LARGEST
) -> Score:
    """(w KID(source, fake) + (1 - w) KID(real, fake)) / 2 from features (n, d), (m, d) and (k, d), in file order."""
    return mixed_score(fake, real, source, source_weight, block_size)


METRIC = Metric(
    title="mixed KID x100",
    compute=compute,
    needs="features",
    higher_is_better=None,
    scale=100.0,
    settings={"source_weight": SOURCE_WEIGHT, "block_size": LARGEST},
    with_sources=True,
    note="kid_mixed: outputs lie beside their own sources, so doing nothing (identity) nearly always wins it.",
)
