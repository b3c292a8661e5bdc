"""Density and coverage: Naeem et al. (ICML 2020), section 3. Counts the outputs inside balls around the references."""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metric import Score
from ugbench.metrics import _features

ROWS = 1024  # rows of the distance matrix that are in memory at once


def density_and_coverage(metric: str, fake: Tensor, real: Tensor, neighbours: int) -> tuple[Score, Score]:
    """Density: mean number of balls that an output lies in, over `neighbours`. Coverage: share of balls with an output.

    Each reference is the centre of one ball, which reaches its `neighbours`-th nearest other reference. A point on the
    surface counts as outside, as in the authors' code.

    Args:
        metric: name of the metric, for error messages and the warning under 2,048 images.
        fake, real: features (n, d) of the outputs and (m, d) of the references.
        neighbours: at least 1 and less than m.
    Raises:
        UsageError: `neighbours` is below 1, there are not more references than that, or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    _features.check_neighbours(metric, neighbours)
    fake, real = _features.checked(metric, fake, real, least=1)
    if len(real) <= neighbours:
        raise UsageError(
            f"{metric}: {len(real)} real image(s) were given, it needs at least {neighbours + 1}; give more."
        )
    inside_count, balls_with_output = 0, 0
    for rows in real.split(ROWS):
        # The nearest reference to a reference is itself, at distance 0.
        radius = _distances(rows, real).kthvalue(neighbours + 1, dim=1).values
        inside = _distances(rows, fake) < radius[:, None]
        inside_count += int(inside.sum())
        balls_with_output += int(inside.any(1).sum())
    warning = _features.few_images(metric, fake, real)
    density, coverage = inside_count / (neighbours * len(fake)), balls_with_output / len(real)
    return Score(density, warning=warning), Score(coverage, warning=warning)


def _distances(rows: Tensor, columns: Tensor) -> Tensor:
    # The matrix product is faster, but gives wrong float32 distances between near images.
    return torch.cdist(rows, columns, compute_mode="donot_use_mm_for_euclid_dist")
