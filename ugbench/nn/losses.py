"""Losses that several methods share. Each is a scalar, a mean over samples."""

from __future__ import annotations

from torch import Tensor


def least_squares(prediction: Tensor, target: float) -> Tensor:
    """LSGAN: mean of (prediction - target)^2 over everything (Mao et al. 2017, eq. 9); target 1 is real."""
    return (prediction - target).square().mean()


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of two tensors of one shape."""
    return (prediction - target).abs().mean()
