"""The exact test of two groups of values: how often a random relabelling gives a difference as large as the observed.

If the values of two methods come from one distribution, whatever its shape, each way to share the values out between
the two methods is equally likely. So the p-value needs no assumption about the shape (Fisher, The Design of
Experiments, 1935, section 21).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

MOST_RELABELLINGS = 20_000
"""With more ways to share the values out, this many random ones are used: 9 values against 9 have 48,620."""

_ROUNDING = 1e-9  # sums of the same values in another order are equal up to this share of the largest one


def exact_p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided p-value of the difference of two means under all relabellings.

    With more than `MOST_RELABELLINGS` relabellings, random ones with a fixed seed are used, and the observed one counts
    as one of them, so that the p-value is valid and repeats.

    Args:
        first, second: values of each group, at least 1 each.
    """
    n, m = len(first), len(second)
    values = np.array([*first, *second], dtype=np.float64)
    values = values - values.mean()
    sums = np.abs(_relabellings(n, m) @ values)  # the difference of the means grows with the sum of the first group
    observed = abs(float(values[:n].sum()))
    tolerance = _ROUNDING * float(np.abs(values).sum())
    as_large = int(np.count_nonzero(sums >= observed - tolerance))
    if math.comb(n + m, n) > MOST_RELABELLINGS:
        return (as_large + 1) / (len(sums) + 1)
    return as_large / len(sums)


def smallest_p(n: int, m: int, paired: bool = False) -> float:
    """The smallest two-sided p-value of an exact test: 2 / C(n + m, n), or 2 / 2^n for n pairs."""
    return min(1.0, 2 / 2**n) if paired else min(1.0, 2 / math.comb(n + m, n))


@cache
def _relabellings(n: int, m: int) -> NDArray[np.float64]:
    """Rows of 0 and 1, (relabellings, n + m): 1 where a value belongs to the first group, whose size is n."""
    count = math.comb(n + m, n)
    if count <= MOST_RELABELLINGS:
        chosen = np.array(list(combinations(range(n + m), n)))
    else:
        random = np.random.default_rng(0)
        chosen = np.argsort(random.random((MOST_RELABELLINGS - 1, n + m)), axis=1)[:, :n]
    rows = np.zeros((len(chosen), n + m))
    np.put_along_axis(rows, chosen, 1.0, axis=1)
    return rows
