"""Checks of the feature sets that every metric on features makes first."""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.errors import UgbenchError, UsageError
from ugbench.metrics._defaults import FEW_IMAGES


def checked(metric: str, fake: Tensor, real: Tensor, least: int) -> tuple[Tensor, Tensor]:
    """Both sets, detached, in one floating dtype (float32 unless one of them is float64).

    Args:
        metric: name of the metric, for error messages.
        fake, real: features (n, d) and (m, d) of one extractor.
        least: the smallest number of images per set for which the metric is defined.
    Raises:
        UsageError: fewer images than `least`, or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    sides = {"fake": fake, "real": real}
    for side, features in sides.items():
        _check_count(metric, side, features, least)
    if fake.shape[1] != real.shape[1]:
        raise UsageError(
            f"{metric}: the fake features have {fake.shape[1]} dimensions and the real ones {real.shape[1]}; "
            "extract both with one extractor."
        )
    for side, features in sides.items():
        _check_finite(metric, side, features)
    dtype = torch.promote_types(torch.promote_types(fake.dtype, real.dtype), torch.float32)
    return fake.detach().to(dtype), real.detach().to(dtype)


def checked_against_dim(metric: str, fake: Tensor, dim: int, least: int) -> Tensor:
    """Features (n, d) of the outputs as `checked` returns them, where the references have statistics of d features.

    Raises:
        UsageError, UgbenchError: see `checked`.
    """
    _check_count(metric, "fake", fake, least)
    if fake.shape[1] != dim:
        raise UsageError(
            f"{metric}: the fake features have {fake.shape[1]} dimensions and the statistics are of {dim}; name the "
            "--extractor that they were made with."
        )
    _check_finite(metric, "fake", fake)
    return fake.detach().to(torch.promote_types(fake.dtype, torch.float32))


def check_neighbours(metric: str, neighbours: int) -> None:
    """Raises UsageError if the number of neighbours is below 1."""
    if neighbours < 1:
        raise UsageError(f"{metric}: neighbours={neighbours} was given; it is at least 1.")


def few_images(metric: str, fake: Tensor, real: Tensor) -> str | None:
    """A warning where a set has fewer than 2,048 images; else None."""
    if min(len(fake), len(real)) >= FEW_IMAGES:
        return None
    return (
        f"{metric} of {len(fake)} against {len(real)} images is mostly bias (under {FEW_IMAGES}); "
        "compare it only between sets of these sizes."
    )


def few_against_statistics(metric: str, fake: Tensor) -> str:
    """A warning about a score against statistics of an unknown number of images."""
    bias = f" is mostly bias (under {FEW_IMAGES}), and" if len(fake) < FEW_IMAGES else ""
    return (
        f"{metric} of {len(fake)} images against statistics of an unknown number{bias} compares only between sets of "
        f"{len(fake)} outputs against the same statistics."
    )


def _check_count(metric: str, side: str, features: Tensor, least: int) -> None:
    if features.ndim != 2:
        raise ValueError(f"{side} features have shape {tuple(features.shape)}, not (n, d)")
    if len(features) < least:
        raise UsageError(f"{metric}: {len(features)} {side} image(s) were given; give at least {least} per set.")


def _check_finite(metric: str, side: str, features: Tensor) -> None:
    # If any feature is NaN, both ends of the range are NaN. Unlike isfinite, this makes no copy of the set.
    if not torch.isfinite(torch.stack(torch.aminmax(features))).all():
        raise UgbenchError(f"{metric}: {side} features hold NaN or Inf; check its images and the extractor's weights.")
