"""Shares of votes with intervals for clustered votes, and the agreement between raters.

Votes of one rater resemble one another, and so do votes on one image. Intervals that treat them as independent are far
too narrow: with 20 raters on 50 images, in a simulation (docs/votes.md), such "95 %" intervals contained the truth in
42 to 66 % of the cases.

Here the variance of a share is the variance over raters plus the variance over images. Each is computed from the sums
of residuals per cluster. Both contain the remaining variance within a rater and an image, so their sum counts it
twice. The interval is therefore a little too wide without clustering, and wide enough with strong clustering. Student's
degrees of freedom are Satterthwaite's. The interval is Wilson's, with the number of independent votes that would have
this variance (as for complex survey samples: Dean and Pagano, Journal of Survey Statistics and Methodology 3, 2015), so
it stays between 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Vote:
    """One rater's choice for one image.

    Attributes:
        image: stem of the source.
        choice: index of the chosen candidate in the poll.
    """

    rater: str
    image: str
    choice: int


@dataclass(frozen=True)
class Share:
    """How often one option was chosen.

    Attributes:
        value: share of all votes, 0 to 1.
        low, high: 95 % interval; None with a single vote.
        votes: number of votes for this option.
    """

    value: float
    low: float | None
    high: float | None
    votes: int


@dataclass(frozen=True)
class Preferences:
    """The result of one poll.

    Attributes:
        shares: one for each option.
        votes, raters, images: number of each.
        alpha: Krippendorff's alpha for nominal data: 1 if raters always agree, 0 if they agree as by chance, below 0
            if they disagree more than that. None if no image has two votes, or all votes are for one option.
    """

    shares: tuple[Share, ...]
    votes: int
    raters: int
    images: int
    alpha: float | None


def preferences(votes: Sequence[Vote], options: int) -> Preferences:
    """Shares, intervals and agreement.

    The intervals are about other raters and other images like these. With one rater they are only about other images,
    and with one image only about other raters.

    Args:
        votes: at most one for each rater and image.
        options: number of options; choices are 0 to options - 1.
    Raises:
        ValueError: there are no votes, a choice is no option, or a rater has two votes on one image.
    """
    if not votes:
        raise ValueError("no votes")
    if len({(vote.rater, vote.image) for vote in votes}) < len(votes):
        raise ValueError("a rater has two votes on one image")
    if not all(0 <= vote.choice < options for vote in votes):
        raise ValueError(f"a choice is not among 0 to {options - 1}")
    raters, images = (
        np.unique([getattr(vote, name) for vote in votes], return_inverse=True)[1] for name in ("rater", "image")
    )
    choices = np.array([vote.choice for vote in votes])
    return Preferences(
        shares=_shares(choices, (raters, images), options),
        votes=len(votes),
        raters=int(raters.max()) + 1,
        images=int(images.max()) + 1,
        alpha=_alpha(choices, raters, images),
    )


def _shares(choices: Indices, clusters: Sequence[Indices], options: int) -> tuple[Share, ...]:
    from scipy import stats

    n = len(choices)
    levels = [(cluster, int(cluster.max()) + 1) for cluster in clusters if cluster.max() > 0]
    indicators = [(choices == option).astype(np.float64) for option in range(options)]
    variances = [[_variance(chosen, *level) for level in levels] for chosen in indicators]
    simple = [float(chosen.mean() * (1 - chosen.mean())) / n for chosen in indicators]
    # An option with few votes shows little about its clustering, and one without votes shows nothing. So each option
    # is assumed to be at least as clustered as all options together. If one option has all votes, each cluster may
    # count as a single vote.
    fewest = min((count for _, count in levels), default=1)
    pooled = sum(map(sum, variances)) / sum(simple) if sum(simple) > 0 else n / fewest
    shares = []
    for chosen, parts, independent in zip(indicators, variances, simple, strict=True):
        value, low, high = float(chosen.mean()), None, None
        if levels:
            effect = max(1.0, pooled, sum(parts) / independent if independent > 0 else 0.0)
            freedom = _satterthwaite(parts, [count for _, count in levels])
            low, high = _wilson(value, n / effect, float(stats.t.ppf(0.975, freedom)))
        shares.append(Share(value, low, high, int(chosen.sum())))
    return tuple(shares)


def _variance(chosen: Floats, cluster: Indices, count: int) -> float:
    """The variance of a share with clusters as the unit.

    Args:
        chosen: 1 for each vote for the option, else 0.
        cluster: index of the cluster of each vote.
        count: number of clusters.
    """
    sums = np.bincount(cluster, chosen - chosen.mean(), count)
    return float((sums**2).sum() / len(chosen) ** 2 * count / (count - 1))


def _satterthwaite(parts: Sequence[float], counts: Sequence[int]) -> float:
    denominator = sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
    # If all clusters are equal there is no variance; the smallest possible number of degrees is the safe choice.
    return sum(parts) ** 2 / denominator if denominator > 0 else min(counts) - 1.0


def _wilson(share: float, n: float, t: float) -> tuple[float, float]:
    middle = (share + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t * math.sqrt(share * (1 - share) / n + t**2 / (4 * n**2)) / (1 + t**2 / n)
    # Rounding must not move the limits 0 and 1.
    return 0.0 if share == 0 else middle - half, 1.0 if share == 1 else middle + half


def _alpha(choices: Indices, raters: Indices, images: Indices) -> float | None:
    import krippendorff

    table = np.full((raters.max() + 1, images.max() + 1), np.nan)
    table[raters, images] = choices
    judged = table[:, (~np.isnan(table)).sum(axis=0) > 1]  # a single vote on an image has no agreement
    if len(np.unique(judged[~np.isnan(judged)])) < 2:
        return None
    return float(krippendorff.alpha(reliability_data=judged, level_of_measurement="nominal"))
