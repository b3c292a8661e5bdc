"""DINO structure distance from source to output: how much of the layout is kept, whatever the look.

Tumanyan et al., Splicing ViT Features for Semantic Appearance Transfer (CVPR 2022), section 3.2; the network is
ugbench.scoring.networks.structure's.
"""

from __future__ import annotations

from torch import Tensor

from ugbench.metric import Metric, Score
from ugbench.metrics._pairs import mean_distance


def compute(distances: Tensor) -> Score:
    """Mean distance over pairs (n,), n >= 1, with its standard error over sources.

    Neither small nor large is good: an untouched source has 0, and a translation may have to change shapes.

    Raises:
        UsageError: there are no pairs.
    """
    return mean_distance("structure", distances)


METRIC = Metric(title="DINO structure", compute=compute, needs="structure", higher_is_better=None)
