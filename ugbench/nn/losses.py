"""Losses that several methods share. Each returns a scalar, the mean over samples."""

from __future__ import annotations

from torch import Tensor


def least_squares(prediction: Tensor, target: float) -> Tensor:
    """Least-squares adversarial loss (LSGAN, Mao et al. 2017, eq. 9): the mean of (prediction - target)^2.

    Args:
        prediction: logits of a discriminator, of any shape.
        target: 1 for real, 0 for fake.
    """
    return (prediction - target).square().mean()


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of two tensors of the same shape."""
    return (prediction - target).abs().mean()
