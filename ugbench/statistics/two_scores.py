"""The test of the difference of two scores over images, from the difference and its standard error."""

from __future__ import annotations

LEAST_IMAGES = 50
"""Images per set. With fewer, tables do not compare two checkpoints; docs/statistics.md has the simulations."""


def two_sided_p(difference: float, se: float, images: int) -> float:
    """The two-sided p-value of Student's t = difference / se.

    Args:
        se: at least 0. Where it is 0, two different scores have p = 0 and two equal ones p = 1.
        images: number of images of the smaller set, at least 2; the degrees of freedom are one less.
    """
    from scipy import special

    if se == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * special.stdtr(images - 1, -abs(difference) / se))
