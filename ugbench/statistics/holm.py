"""Holm's step-down adjustment: many comparisons, one error rate (Scandinavian Journal of Statistics, 1979)."""

from __future__ import annotations

from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> list[float]:
    """p-values, in the given order, that may each be held against alpha for the whole family.

    The chance of one or more false claims among all stays at most alpha, whatever their dependence.

    Raises:
        ValueError: a value outside [0, 1].
    """
    for p in p_values:
        if not 0 <= p <= 1:
            raise ValueError(f"a p-value lies in [0, 1], not {p}")
    found = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        found[index] = largest
    return found
