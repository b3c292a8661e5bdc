"""Holm's step-down adjustment: many comparisons, one error rate (Scandinavian Journal of Statistics, 1979)."""

from __future__ import annotations

from collections.abc import Sequence


def adjusted(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values, in the given order; compare each with alpha to test the whole family at level alpha.

    The chance of one or more false claims in the family is at most alpha, even if the tests depend on each other.
    A test without a p-value (None) counts in the family with p = 1 and stays without one.

    Raises:
        ValueError: a value is outside [0, 1].
    """
    ascending = sorted((1.0 if p is None else p, index) for index, p in enumerate(p_values))
    result: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(ascending):
        if not 0 <= p <= 1:
            raise ValueError(f"a p-value lies in [0, 1], not {p}")
        largest = max(largest, min(1.0, (len(p_values) - rank) * p))
        result[index] = None if p_values[index] is None else largest
    return result
