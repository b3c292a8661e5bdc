"""Errors of outputs whose true translation is known: of whole images, or only of the pixels that should change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ugbench.errors import UsageError

CHUNK = 32  # images in memory as int16 or float32 at once


@dataclass(frozen=True)
class Errors:
    """Sums over channels and pixels, one per image: float64 (n,), with image values from 0 to 1.

    Attributes:
        changed: |output - truth| where the truth differs from the source.
        untouched: |source - truth| at the same places: the error of a translator that does nothing.
        unchanged: |output - truth| elsewhere.
        unchanged_values: number of channel values elsewhere.
    """

    changed: Tensor
    untouched: Tensor
    unchanged: Tensor
    unchanged_values: Tensor


def errors(metric: str, source: Tensor, output: Tensor, truth: Tensor, threshold: int) -> Errors:
    """Errors of uint8 images (n, 3, h, w).

    A pixel should change where |source - truth| > threshold in any channel.

    Raises:
        UsageError: the three tensors differ in number or size, there are no images, or the threshold is no level.
    """
    same_shape(metric, output, truth)
    same_shape(metric, source, truth)
    check_threshold(metric, threshold)
    chunks = zip(source.split(CHUNK), output.split(CHUNK), truth.split(CHUNK), strict=True)
    return Errors(*torch.cat([_sums(*chunk, threshold) for chunk in chunks]).unbind(1))


def same_shape(metric: str, output: Tensor, truth: Tensor) -> None:
    """Raises UsageError unless both hold the same number (one or more) of images of one size."""
    if output.shape != truth.shape or len(truth) == 0:
        raise UsageError(
            f"{metric}: images {tuple(output.shape)} and their truth {tuple(truth.shape)} do not match; "
            "give one image of the truth's size for each."
        )


def each_compared(metric: str, output: Tensor, truth: Tensor, compare: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A value for each pair of images, float64 (n,).

    Args:
        metric: name of the metric, for the error message.
        output, truth: uint8 (n, 3, h, w).
        compare: makes float (k,) of k outputs and their truths, each float32 (k, 3, h, w) with levels from 0 to 255.
    Raises:
        UsageError: the two tensors differ in number or size, or there are no images.
    """
    same_shape(metric, output, truth)
    chunks = zip(output.split(CHUNK), truth.split(CHUNK), strict=True)
    return torch.cat([compare(x.float(), y.float()).double() for x, y in chunks])


def in_colour(metric: str, images: Tensor, colour: str) -> Tensor:
    """The channels that a metric compares: those of `images`, float (n, 3, h, w), or their luma, (n, 1, h, w).

    Args:
        metric: name of the metric, for the error message.
        colour: "rgb", or "luma" for 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    Raises:
        UsageError: another colour.
    """
    if colour == "rgb":
        return images
    if colour != "luma":
        raise UsageError(f"{metric}: colour='{colour}' was given; give rgb or luma.")
    return (images * images.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)


def check_threshold(metric: str, threshold: int) -> None:
    """Raises UsageError unless the threshold is a level of a byte."""
    if not 0 <= threshold <= 255:
        raise UsageError(f"{metric}: threshold={threshold} was given; it is a level from 0 to 255.")


def changed_region(source: Tensor, truth: Tensor, threshold: int) -> Tensor:
    """Where uint8 images (n, 3, h, w) should change by more than `threshold` in any channel: bool (n, 1, h, w)."""
    changed: Tensor = ((source.short() - truth.short()).abs() > threshold).any(1, keepdim=True)
    return changed


def _sums(source: Tensor, output: Tensor, truth: Tensor, threshold: int) -> Tensor:
    source, output, truth = source.short(), output.short(), truth.short()
    source_error, output_error = (source - truth).abs(), (output - truth).abs()
    changed = changed_region(source, truth, threshold)
    levels = [output_error * changed, source_error * changed, output_error * ~changed]
    unchanged_values = (~changed).expand_as(truth).flatten(1).sum(1)
    return torch.stack([*(level.flatten(1).sum(1).double() / 255 for level in levels), unchanged_values.double()], 1)
