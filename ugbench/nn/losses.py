"""Losses that several methods share. Each is a scalar, a mean over samples, in float32 or wider."""

from __future__ import annotations

from torch import Tensor

from ugbench.nn.moments import widen


def least_squares(prediction: Tensor, target: float) -> Tensor:
    """LSGAN: mean of (prediction - target)^2 over everything (Mao et al. 2017, eq. 9); target 1 is real."""
    return (widen(prediction) - target).square().mean()


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of two tensors of one shape."""
    return (widen(prediction) - widen(target)).abs().mean()
