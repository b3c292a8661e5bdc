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

_CHUNK = 4_000_000  # numbers in one array of values x relabellings; they take 32 MB
_ROUNDING = 1e-9  # sums of the same values in another order are equal up to this share of the largest one


def exact_p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided p-value of the difference of two means under all relabellings.

    With more than `MOST_RELABELLINGS` relabellings, random ones with a fixed seed are used, and the observed one counts
    as one of them, so that the p-value is valid and repeats.

    Args:
        first, second: values of each group, at least 1 each.
    """
    return float(exact_p_values(np.array([first], dtype=np.float64), np.array([second], dtype=np.float64))[0])


def exact_p_values(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """`exact_p_value` of each row of `first` (b, n) and `second` (b, m); shape (b,)."""
    n, m = first.shape[1], second.shape[1]
    relabellings = _relabellings(n, m)
    values = np.concatenate([first, second], axis=1)
    values = values - values.mean(axis=1, keepdims=True)
    rows = max(1, _CHUNK // len(relabellings))
    parts = [_as_large(values[start : start + rows], n, relabellings) for start in range(0, len(values), rows)]
    as_large = np.concatenate(parts)
    if math.comb(n + m, n) > MOST_RELABELLINGS:
        return (as_large + 1) / (len(relabellings) + 1)
    return as_large / len(relabellings)


def smallest_p(n: int, m: int, paired: bool = False) -> float:
    """The smallest two-sided p-value of an exact test: 2 / C(n + m, n), or 2 / 2^n for n pairs."""
    return min(1.0, 2 / 2**n) if paired else min(1.0, 2 / math.comb(n + m, n))


def _as_large(values: NDArray[np.float64], n: int, relabellings: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many relabellings give a difference as large as the observed one, for each row of values with mean 0."""
    sums = np.abs(values @ relabellings.T)  # the difference of the means grows with the sum of the first group
    observed, tolerance = np.abs(values[:, :n].sum(axis=1)), _ROUNDING * np.abs(values).sum(axis=1)
    as_large: NDArray[np.float64] = (sums >= (observed - tolerance)[:, None]).sum(axis=1, dtype=np.float64)
    return as_large


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
