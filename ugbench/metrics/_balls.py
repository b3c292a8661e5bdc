"""How the balls around references hold outputs: Naeem et al. (ICML 2020), section 3."""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import _features

ROWS = 1024  # of a table of distances, held at once


def density_and_coverage(metric: str, fake: Tensor, real: Tensor, neighbours: int) -> tuple[float, float]:
    """Mean number of balls that hold an output, over `neighbours`; and the share of balls that hold any output.

    A ball is around each reference and reaches its `neighbours`-th nearest other reference; what lies on its
    surface is outside, as in the authors' code.

    Args:
        fake, real: features (n, d) and (m, d).
    Raises:
        UsageError: `neighbours` is below 1, or there are no more references than that.
    """
    if neighbours < 1:
        raise UsageError(f"{metric}: neighbours={neighbours} was given; it is at least 1.")
    fake, real = _features.checked(metric, fake, real, least=1)
    if len(real) <= neighbours:
        raise UsageError(
            f"{metric}: {len(real)} real image(s) were given, it needs at least {neighbours + 1}; give more."
        )
    held, reached = 0, 0
    for rows in real.split(ROWS):
        # The nearest of a reference is itself, at 0.
        radius = _distances(rows, real).kthvalue(neighbours + 1, dim=1).values
        inside = _distances(rows, fake) < radius[:, None]
        held += int(inside.sum())
        reached += int(inside.any(1).sum())
    return held / (neighbours * len(fake)), reached / len(real)


def _distances(rows: Tensor, columns: Tensor) -> Tensor:
    # Without the matrix product that is fast and makes near images' distances wrong in float32.
    return torch.cdist(rows, columns, compute_mode="donot_use_mm_for_euclid_dist")
