"""One method over several data sets: mean rank, and the most that it gives away to the best method anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ugbench.errors import UsageError


@dataclass(frozen=True)
class Standing:
    """One method over all data sets. It describes these data sets; it is no test.

    Attributes:
        mean_rank: 1 is best; tied methods share the mean of their ranks.
        regret: the most by which it is worse than the best method of a data set, in the metric's raw unit; 0 where
            it is best on all.
        worst: the data set of that regret, the first of equals.
        datasets: how many.
    """

    mean_rank: float
    regret: float
    worst: str
    datasets: int

    def text(self, method: str) -> str:
        """One sentence; `method` is its name."""
        if self.regret == 0:
            return f"{method} is the best on each of {self.datasets} data sets (mean rank {self.mean_rank:.3g})."
        return (
            f"{method} has mean rank {self.mean_rank:.3g} over {self.datasets} data sets, and is at most "
            f"{self.regret:.3g} worse than the best method of one ({self.worst})."
        )


def standings(values: Mapping[str, Mapping[str, float]], higher_is_better: bool = False) -> dict[str, Standing]:
    """Each method's standing, best mean rank first.

    Args:
        values: data set -> method -> value; each data set has each method, in one protocol.
    Raises:
        UsageError: no data set, or one that lacks a method of another; names both.
    """
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
    found = {
        method: Standing(float(ranks[i]), float(regrets[:, i].max()), names[int(regrets[:, i].argmax())], len(names))
        for i, method in enumerate(methods)
    }
    return dict(sorted(found.items(), key=lambda item: item[1].mean_rank))
