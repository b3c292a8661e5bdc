"""Holm's step-down adjustment: many comparisons, one error rate (Scandinavian Journal of Statistics, 1979)."""

from __future__ import annotations

from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the given order; compare each with alpha to test the whole family at level alpha.

    The chance of one or more false claims in the family is at most alpha, even if the tests depend on each other.

    Raises:
        ValueError: a value is outside [0, 1].
    """
    for p in p_values:
        if not 0 <= p <= 1:
            raise ValueError(f"a p-value lies in [0, 1], not {p}")
    result = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        result[index] = largest
    return result
