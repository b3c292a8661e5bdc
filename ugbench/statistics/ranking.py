"""Ranks methods across data sets: mean rank and regret, each with an interval that is right for all methods at once.

The intervals come from the differences of all pairs of methods in all blocks (a block is one direction of a data set):
each difference gets an interval by Student's t, at a level divided by the number of differences (Bonferroni). So with a
chance of at least 95 % all of them are right, and then everything that is derived from them is right too. A method's
rank lies between 1 + the number of methods that are better for sure, and the number of methods - the number that are
worse for sure (as in Mohamad, Goeman and van Zwet, Statistical Papers 2022). No resampling of scores is used: ranks and
maxima that are resampled have a bias where methods are nearly equal.

The claim is about these data sets, for other images or other seeds like those behind the standard errors. Errors of two
methods on the same images are positively correlated, which makes the intervals wider than they need to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ugbench.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A score with its error.

    Attributes:
        se: standard error; None where there is none.
        freedom: degrees of freedom of the standard error; infinite if it counts as known.
    """

    value: float
    se: float | None = None
    freedom: float = float("inf")


@dataclass(frozen=True)
class Standing:
    """One method over all data sets.

    Attributes:
        mean_rank: 1 is best; tied methods share the mean of their ranks. Ranks are averaged over the directions of a
            data set first, then over data sets.
        mean_rank_low, mean_rank_high: 95 % interval, for all methods at once; None where a score has no error.
        regret: the largest distance to the best method of a block, in the metric's raw unit; 0 if the method is the
            best one everywhere. It is too large where methods are nearly equal, since it is the largest of many noisy
            distances to the luckiest method.
        regret_low, regret_high: 95 % interval that allows for this, for all methods at once; it begins at 0 if no
            difference is sure.
        worst: the name of the block with that regret; the first of equal ones.
        datasets: number of data sets.
    """

    mean_rank: float
    mean_rank_low: float | None
    mean_rank_high: float | None
    regret: float
    regret_low: float | None
    regret_high: float | None
    worst: str
    datasets: int


def standings(
    scores: Mapping[tuple[str, str], Mapping[str, Estimate]], higher_is_better: bool = False
) -> dict[str, Standing]:
    """Each method's standing, best mean rank first.

    Args:
        scores: (data set, name of the block) -> method -> score; each block has each method, and all scores have one
            protocol.
    Raises:
        UsageError: there is no block, or one lacks a method that another one has; the message names both.
    """
    from scipy import stats

    methods = list(dict.fromkeys(method for row in scores.values() for method in row))
    if not methods:
        raise UsageError("standings across data sets: no value was given; score two methods on each data set.")
    for (_, block), row in scores.items():
        for method in methods:
            if method not in row:
                raise UsageError(
                    f"standings across data sets: {block} has no value of {method}; score it there, or leave it out."
                )
    blocks, estimates = list(scores), [[row[method] for method in methods] for row in scores.values()]
    sign = -1.0 if higher_is_better else 1.0
    losses = sign * np.array([[estimate.value for estimate in row] for row in estimates], dtype=np.float64)
    regrets = losses - losses.min(1, keepdims=True)
    mean_ranks = _over_datasets(stats.rankdata(losses, axis=1), blocks)
    half_widths = _half_widths(estimates)
    limits = None if half_widths is None else _limits(losses, half_widths, blocks)
    by_method = {
        method: Standing(
            float(mean_ranks[i]),
            None if limits is None else float(limits.rank_low[i]),
            None if limits is None else float(limits.rank_high[i]),
            float(regrets[:, i].max()),
            None if limits is None else float(limits.regret_low[i]),
            None if limits is None else float(limits.regret_high[i]),
            blocks[int(regrets[:, i].argmax())][1],
            len({dataset for dataset, _ in blocks}),
        )
        for i, method in enumerate(methods)
    }
    return dict(sorted(by_method.items(), key=lambda item: item[1].mean_rank))


@dataclass(frozen=True)
class _Limits:
    """Limits of the mean ranks and of the regrets, (methods,) each."""

    rank_low: Floats
    rank_high: Floats
    regret_low: Floats
    regret_high: Floats


def _half_widths(estimates: list[list[Estimate]]) -> Floats | None:
    """Half the width of the interval of each difference, (blocks, methods, methods); None if a score has no error."""
    from scipy.special import stdtrit

    errors = [[estimate.se for estimate in row] for row in estimates]
    if any(se is None for row in errors for se in row):
        return None
    variances = np.array(errors, dtype=np.float64) ** 2
    of_pair = variances[:, :, None] + variances[:, None, :]
    # Welch's degrees of freedom. Where both errors are 0 the difference is known, and they do not matter.
    parts = variances**2 / np.array([[estimate.freedom for estimate in row] for row in estimates])
    denominator = parts[:, :, None] + parts[:, None, :]
    freedom = np.full(of_pair.shape, 1e9)
    np.divide(of_pair**2, denominator, out=freedom, where=denominator > 0)
    blocks, methods = variances.shape
    differences = max(1, blocks * methods * (methods - 1) // 2)
    widths: Floats = stdtrit(np.minimum(freedom, 1e9), 1 - 0.025 / differences) * np.sqrt(of_pair)
    return widths


def _limits(losses: Floats, half_widths: Floats, blocks: list[tuple[str, str]]) -> _Limits:
    differences = losses[:, :, None] - losses[:, None, :]
    low, high = differences - half_widths, differences + half_widths
    diagonal = np.arange(losses.shape[1])
    low[:, diagonal, diagonal] = high[:, diagonal, diagonal] = 0.0
    return _Limits(
        _over_datasets(1.0 + (low > 0).sum(2), blocks),
        _over_datasets(losses.shape[1] - (high < 0).sum(2).astype(np.float64), blocks),
        low.max((0, 2)),
        high.max((0, 2)),
    )


def _over_datasets(of_block: Floats, blocks: list[tuple[str, str]]) -> Floats:
    """The mean over directions for each data set, then over data sets: (blocks, methods) -> (methods,)."""
    names = np.array([dataset for dataset, _ in blocks])
    mean: Floats = np.mean([of_block[names == name].mean(0) for name in dict.fromkeys(names.tolist())], axis=0)
    return mean
