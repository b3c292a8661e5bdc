"""DINO structure distance from each source to its output: how much the layout has changed, regardless of the look.

Tumanyan et al., Splicing ViT Features for Semantic Appearance Transfer (CVPR 2022), section 3.2. The network is in
ugbench.scoring.networks.structure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score

if TYPE_CHECKING:
    from torch import Tensor


def compute(distances: Tensor) -> Score:
    """Mean distance over pairs (n,), n >= 1, with its standard error over sources.

    Neither a small nor a large value is good: an untouched source has 0, and a translation may have to change shapes.

    Raises:
        UsageError: there are no pairs.
    """
    from ugbench.metrics._intervals import mean_distance

    return mean_distance("structure", distances)


METRIC = Metric(title="DINO structure", compute=compute, needs=("structure_distances",), higher_is_better=None)
