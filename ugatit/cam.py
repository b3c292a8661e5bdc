"""Attention by class activation maps (CAM): an auxiliary classifier's weights reweight the channels.

Kim et al. 2020, section 2.1.1, after Zhou et al. 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.spectral_norm import SpectralLinear, spectral_norms

CAMWeight = Literal["unnormalised", "normalised"]
"""The weight that multiplies the features of a discriminator: as it was before or after spectral normalisation."""


class AttentionOutput(NamedTuple):
    """What `Attention` computes.

    Attributes:
        features: (n, c, h, w), with reweighted channels.
        logits: (n, 2), the auxiliary classifier's outputs for average and for maximum pooling; None without CAM.
        attention_map: (n, 1, h, w), the sum of `features` over their channels, without gradient.
    """

    features: Tensor
    logits: Tensor | None
    attention_map: Tensor


class Attention(nn.Module):
    """Two linear classifiers, one on the average and one on the maximum over space; their weights reweight channels.

    The two reweighted copies of the features are concatenated, average first. A 1x1 convolution then maps them back
    to `channels`, and `activation` follows.

    Args:
        channels: number of channels of the features.
        activation: the activation after the 1x1 convolution.
        cam: False leaves the classifiers out; the 1x1 convolution then takes the features as they are.
        spectral: True if the classifiers' weights are spectrally normalised, as in a discriminator.
        weighting: which weight of a spectrally normalised classifier multiplies the features.
    """

    def __init__(
        self,
        channels: int,
        activation: Callable[[Tensor], Tensor],
        *,
        cam: bool,
        spectral: bool = False,
        weighting: CAMWeight = "unnormalised",
    ) -> None:
        super().__init__()
        self.activation = activation
        self.normalised = weighting == "normalised"
        linear = SpectralLinear if spectral else nn.Linear
        self.average = linear(channels, 1, bias=False) if cam else None
        self.maximum = linear(channels, 1, bias=False) if cam else None
        self.mix = nn.Conv2d(2 * channels if cam else channels, channels, 1)

    @property
    def spectral_layers(self) -> list[SpectralLinear]:
        """The classifiers, for the average and for the maximum, if their weights are spectrally normalised."""
        return [layer for layer in (self.average, self.maximum) if isinstance(layer, SpectralLinear)]

    def forward(self, x: Tensor, sigmas: Sequence[Tensor] = ()) -> AttentionOutput:
        """Reweight features (n, channels, h, w); the output's features have the same shape.

        Args:
            x: the features.
            sigmas: the spectral norms of `spectral_layers`, scalars; if empty, they are computed here.
        """
        if self.average is None or self.maximum is None:
            logits, mixed = None, self.mix(x)
        else:
            # mean and _maxima, because the backward passes of adaptive pools raise on a deterministic GPU.
            average_sigma, maximum_sigma = sigmas or spectral_norms(self.spectral_layers) or (None, None)
            average_logit, average_weight = self._classify(self.average, average_sigma, x.mean((2, 3)))
            maximum_logit, maximum_weight = self._classify(self.maximum, maximum_sigma, _maxima(x))
            logits = torch.cat((average_logit, maximum_logit), 1)
            mixed = self._mix_reweighted(x, average_weight, maximum_weight)
        features = self.activation(mixed)
        return AttentionOutput(features, logits, features.detach().sum(1, keepdim=True))

    def _classify(self, classifier: nn.Linear, sigma: Tensor | None, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """The classifier's logit (n, 1) of the pooled features, and its weight (1, channels) for the features."""
        logit, weight = F.linear(pooled, classifier.weight), classifier.weight
        if sigma is not None:
            logit = logit / sigma.to(logit.dtype)
            weight = weight / sigma if self.normalised else weight
        return logit, weight

    def _mix_reweighted(self, x: Tensor, *weights: Tensor) -> Tensor:
        """The 1x1 convolution of the copies of the features that these weights reweight, one after the other.

        All images have the same weights, so they can be multiplied into the kernel: the convolution then has half of
        the arithmetic, and no copy is made. With few pixels the kernel is larger than the features, and this would cost
        more than it saves. The number of images does not matter, so that no image depends on what is beside it.
        """
        if x.shape[2] * x.shape[3] > x.shape[1]:
            parts = self.mix.weight.split(x.shape[1], 1)
            scaled = [part * weight.view(1, -1, 1, 1) for part, weight in zip(parts, weights, strict=True)]
            return F.conv2d(x, scaled[0] + scaled[1], self.mix.bias)
        mixed: Tensor = self.mix(torch.cat([x * weight.to(x.dtype).view(1, -1, 1, 1) for weight in weights], 1))
        return mixed


def _maxima(x: Tensor) -> Tensor:
    """The maximum (n, c) of each channel of features (n, c, h, w); its gradient goes to one pixel that has it.

    `amax` would share it among all pixels that equal the maximum. Compiled code may compute the features again for
    that, in another precision, find that none of them equals it, and divide by 0.
    """
    pixels = x.flatten(2)
    return pixels.gather(2, pixels.detach().argmax(2, keepdim=True)).squeeze(2)
