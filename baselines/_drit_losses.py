"""The losses of DRIT that other methods do not have."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """The mean binary cross-entropy between the sigmoid of logits of any shape and one target from 0 to 1."""
    return binary_cross_entropy_with_logits(logits, logits.new_full(logits.shape, target))


def summed_cross_entropy(logits: list[Tensor], target: float) -> Tensor:
    """The sum over scales of `cross_entropy`; `target` is 1 for real and 0 for fake."""
    return torch.stack([cross_entropy(scale_logits, target) for scale_logits in logits]).sum()


def mode_seeking(first: Tensor, second: Tensor, first_style: Tensor, second_style: Tensor) -> Tensor:
    """Mode-seeking loss (Mao et al. 2019, eq. 5): small if two styles of one content give different images.

    It is 1 / (r + 1e-5) for each sample, and the mean over samples; r is the mean absolute difference of the images
    divided by that of the styles.

    Args:
        first, second: images (n, 3, h, w).
        first_style, second_style: the styles (n, 8) that they were made with.
    """
    image_gap = (first - second).abs().mean((1, 2, 3))
    style_gap = (first_style - second_style).abs().mean(1)
    return (1 / (image_gap / style_gap + 1e-5)).mean()


def gaussian_prior(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, variance) from N(0, 1), summed over the numbers of an attribute vector.

    The authors' code sums over the batch too, which holds one image there; here it is the mean over samples.

    Args:
        mean, log_variance: (n, 8).
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
