"""Errors of outputs whose true translation is known, split into what should change and what should not."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ugbench.errors import UsageError

THRESHOLD = 2  # of 255: rounding stays below it, and pairs are rendered alike but for what should change
CHUNK = 32


@dataclass(frozen=True)
class Errors:
    """Sums for each image over channels and pixels, (n,) float64; images count from 0 to 1.

    Attributes:
        changed: |output - truth| where the truth differs from the source.
        untouched: |source - truth| there, which is the error of doing nothing.
        unchanged: |output - truth| elsewhere.
        kept: number of channel values elsewhere.
    """

    changed: Tensor
    untouched: Tensor
    unchanged: Tensor
    kept: Tensor


def errors(metric: str, source: Tensor, output: Tensor, truth: Tensor, threshold: int) -> Errors:
    """Errors of uint8 images (n, 3, h, w).

    A pixel should change where |source - truth| > threshold in any channel.

    Raises:
        UsageError: the three differ in number or size, or there are none, or the threshold is no level.
    """
    same_shape(metric, output, truth)
    same_shape(metric, source, truth)
    check_threshold(metric, threshold)
    split = torch.split(source, CHUNK), torch.split(output, CHUNK), torch.split(truth, CHUNK)
    sums = torch.cat([_sums(*part, threshold) for part in zip(*split, strict=True)])
    return Errors(*sums.unbind(1))


def same_shape(metric: str, output: Tensor, truth: Tensor) -> None:
    """Raises UsageError unless both hold the same number (one or more) of images of one size."""
    if output.shape != truth.shape or len(truth) == 0:
        raise UsageError(
            f"{metric}: images {tuple(output.shape)} and their truth {tuple(truth.shape)} do not match; "
            "give one image of the truth's size for each."
        )


def check_threshold(metric: str, threshold: int) -> None:
    """Raises UsageError unless it is a level of a byte."""
    if not 0 <= threshold <= 255:
        raise UsageError(f"{metric}: threshold={threshold} was given; it is a level from 0 to 255.")


def region(source: Tensor, truth: Tensor, threshold: int) -> Tensor:
    """Where images (n, 3, h, w) of bytes should change, by more than `threshold` in any channel: bool (n, 1, h, w)."""
    moves: Tensor = ((source.short() - truth.short()).abs() > threshold).any(1, keepdim=True)
    return moves


def _sums(source: Tensor, output: Tensor, truth: Tensor, threshold: int) -> Tensor:
    source, output, truth = source.short(), output.short(), truth.short()
    of_nothing, of_output = (source - truth).abs(), (output - truth).abs()
    moves = region(source, truth, threshold)
    levels = [of_output * moves, of_nothing * moves, of_output * ~moves]
    kept = (~moves).expand_as(truth).flatten(1).sum(1)
    return torch.stack([*(level.flatten(1).sum(1).double() / 255 for level in levels), kept.double()], 1)
