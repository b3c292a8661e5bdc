"""The test of two checkpoints' difference in KID: Student's t of the paired difference over its jackknife error.

`ugbench differences` and the marks in tables use this one test, so that they say the same of the same two runs. In
simulations it made fewer false claims than the permutation test that swaps the two outputs of a source, and found
slightly fewer true differences; where few outputs make the whole difference it found far fewer (docs/statistics.md). It
costs nothing where the difference and its error are known, so a table can test all pairs of its rows. This module
imports no torch, because tables use it.
"""

from __future__ import annotations

from ugbench.statistics.student import two_sided_p

LEAST_IMAGES = 50
"""Images per set. With fewer, two checkpoints are not tested (docs/statistics.md has the simulations)."""


def student_p(difference: float, se: float, images: int) -> float:
    """The two-sided p-value of difference / se with images - 1 degrees of freedom; 2 images or more."""
    return two_sided_p(difference, se, images - 1)


def paired_p(difference: float, se: float, images: int) -> float | None:
    """The p-value of the test of two checkpoints; None if the smaller set has fewer than `LEAST_IMAGES` images.

    Args:
        difference: of the two KIDs.
        se: its standard error over images, paired where that is known.
        images: number of images of the smaller set.
    """
    return student_p(difference, se, images) if images >= LEAST_IMAGES else None
