"""Attention by an auxiliary classifier's weights: class activation maps (Kim et al. 2020, section 2.1.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.spectral_norm import SpectralLinear

Weighting = Literal["unnormalised", "normalised"]


class Attended(NamedTuple):
    """What attention gives.

    Attributes:
        features: (n, c, h, w).
        logits: (n, 2), the auxiliary classifier's from average and from maximum pooling; None without one.
        heat: (n, 1, h, w), the channel sum of `features`, without gradient.
    """

    features: Tensor
    logits: Tensor | None
    heat: Tensor


class Attention(nn.Module):
    """Two linear classifiers, on the average and on the maximum over space, whose weights reweight channels.

    The two reweighted maps, average first, go through a 1x1 convolution back to `channels`, and `activation`.

    Args:
        channels: of the features.
        activation: after the 1x1 convolution.
        cam: without it there is no classifier, and the 1x1 convolution sees the plain map.
        spectral: whether the classifiers' weights are spectrally normalised, as in a discriminator.
        weighting: whether a spectrally normalised classifier's weight multiplies the map as it was before or
            after its normalisation.
    """

    def __init__(
        self,
        channels: int,
        activation: Callable[[Tensor], Tensor],
        *,
        cam: bool,
        spectral: bool = False,
        weighting: Weighting = "unnormalised",
    ) -> None:
        super().__init__()
        self.activation = activation
        self.normalised = weighting == "normalised"
        linear = SpectralLinear if spectral else nn.Linear
        self.average = linear(channels, 1, bias=False) if cam else None
        self.maximum = linear(channels, 1, bias=False) if cam else None
        self.mix = nn.Conv2d(2 * channels if cam else channels, channels, 1)

    def forward(self, x: Tensor) -> Attended:
        """(n, channels, h, w) to as much."""
        logits = None
        if self.average is not None and self.maximum is not None:
            # mean and amax rather than adaptive pools, whose backward passes raise on a deterministic GPU.
            average, average_map = self._judge(self.average, x, x.mean((2, 3)))
            maximum, maximum_map = self._judge(self.maximum, x, x.amax((2, 3)))
            logits = torch.cat((average, maximum), 1)
            x = torch.cat((average_map, maximum_map), 1)
        features = self.activation(self.mix(x))
        return Attended(features, logits, features.detach().sum(1, keepdim=True))

    def _judge(self, classifier: nn.Linear, x: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """The logit (n, 1) and the features times the classifier's weight."""
        logit, weight = F.linear(pooled, classifier.weight), classifier.weight
        if isinstance(classifier, SpectralLinear):
            sigma = classifier.sigma()
            logit = logit / sigma.to(logit.dtype)
            weight = weight / sigma if self.normalised else weight
        return logit, x * weight.to(x.dtype).view(1, -1, 1, 1)
