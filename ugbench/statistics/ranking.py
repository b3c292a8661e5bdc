"""Ranks methods across data sets: mean rank, and the largest distance to the best method of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ugbench.errors import UsageError


@dataclass(frozen=True)
class Standing:
    """One method over all data sets. This describes these data sets and is no statistical test.

    Attributes:
        mean_rank: 1 is best; tied methods share the mean of their ranks.
        regret: the largest distance to the best method of a data set, in the metric's raw unit; 0 if the method is the
            best one everywhere.
        worst: the data set of that regret; of equal ones the first.
        datasets: number of data sets.
    """

    mean_rank: float
    regret: float
    worst: str
    datasets: int

    def text(self, method: str) -> str:
        """The standing in one sentence; `method` is the method's name."""
        if self.regret == 0:
            return f"{method} is the best on each of {self.datasets} data sets (mean rank {self.mean_rank:.3g})."
        return (
            f"{method} has mean rank {self.mean_rank:.3g} over {self.datasets} data sets, and is at most "
            f"{self.regret:.3g} worse than the best method of one ({self.worst})."
        )


def standings(values: Mapping[str, Mapping[str, float]], higher_is_better: bool = False) -> dict[str, Standing]:
    """Each method's standing, best mean rank first.

    Args:
        values: data set -> method -> value; each data set has each method, and all values have one protocol.
    Raises:
        UsageError: there is no data set, or one lacks a method that another one has; the message names both.
    """
    from scipy import stats

    methods = list(dict.fromkeys(method for row in values.values() for method in row))
    if not methods:
        raise UsageError("standings across data sets: no value was given; score two methods on each data set.")
    for dataset, row in values.items():
        for method in methods:
            if method not in row:
                raise UsageError(
                    f"standings across data sets: {dataset} has no value of {method}; score it there, or leave it out."
                )
    table = np.array([[row[method] for method in methods] for row in values.values()], dtype=np.float64)
    loss = -table if higher_is_better else table
    ranks = stats.rankdata(loss, axis=1).mean(0)
    regrets = loss - loss.min(1, keepdims=True)
    names = list(values)
    by_method = {
        method: Standing(float(ranks[i]), float(regrets[:, i].max()), names[int(regrets[:, i].argmax())], len(names))
        for i, method in enumerate(methods)
    }
    return dict(sorted(by_method.items(), key=lambda item: item[1].mean_rank))
