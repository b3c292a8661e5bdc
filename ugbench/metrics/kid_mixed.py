"""KID mixed over both domains, as in the last version of the U-GAT-IT authors' script (protocol `authors2019`).

An untouched source nearly always has the lowest value, so tables mark no best value; see `_blocks.mixed_score`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import BLOCK_SIZE, SOURCE_WEIGHT

if TYPE_CHECKING:
    from torch import Tensor


def compute(
    fake: Tensor, real: Tensor, source: Tensor, source_weight: float = SOURCE_WEIGHT, block_size: int = BLOCK_SIZE
) -> Score:
    """(w KID(source, fake) + (1 - w) KID(real, fake)) / 2 from features (n, d), (m, d) and (k, d), in file order.

    Args:
        source_weight: w.
        block_size: images per block at most.
    Raises:
        UsageError, UgbenchError: see `_blocks.block_values`.
    """
    from ugbench.metrics._blocks import mixed_score

    return mixed_score(fake, real, source, source_weight, block_size)


METRIC = Metric(
    title="mixed KID x100",
    compute=compute,
    needs=("output_features", "reference_features", "source_features"),
    higher_is_better=None,
    scale=100.0,
    settings={"source_weight": SOURCE_WEIGHT, "block_size": BLOCK_SIZE},
    note="kid_mixed: outputs lie beside their own sources, so doing nothing (identity) nearly always wins it.",
)
