"""The variance of a weighted mean of votes that come in two kinds of clusters: by rater and by image.

Raters are weighted equally, whatever their number of votes: the mean over raters is then never dominated by one of
them, and its variance can be estimated from how much the raters differ. With votes weighted equally, a rater who gave
80 % of the votes would nearly be the mean, and would not differ from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ugbench.statistics.student import satterthwaite

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class VoteClusters:
    """The votes of one poll, in any order.

    Attributes:
        weights: of each vote; those of a rater add up to 1 / raters.
        raters, images: index of the rater and of the image of each vote, from 0, with no number left out.
    """

    weights: Floats
    raters: Indices
    images: Indices

    def mean(self, values: Floats) -> float:
        """The mean over raters of each rater's mean; `values` has one for each vote."""
        means = np.bincount(self.raters, values) / np.bincount(self.raters)
        return math.fsum(means) / len(means)

    @property
    def effective_votes(self) -> float:
        """The number of equally weighted votes whose mean has the same variance if all votes are independent."""
        return float(1 / (self.weights**2).sum())

    @property
    def effective_clusters(self) -> tuple[float, float]:
        """The same for clusters: the numbers of equally weighted raters and of equally weighted images."""
        by_rater, by_image = (np.bincount(cluster, self.weights) for cluster in (self.raters, self.images))
        return float(1 / (by_rater**2).sum()), float(1 / (by_image**2).sum())

    @property
    def freedoms(self) -> tuple[float, float]:
        """Degrees of freedom of the variance over raters and of that over images."""
        by_rater, by_image = self.effective_clusters
        return by_rater - 1, by_image - 1

    @property
    def fewest(self) -> int:
        """The number of raters or of images, whichever is smaller."""
        return int(min(self.raters.max(), self.images.max())) + 1


def vote_clusters(raters: Indices, images: Indices) -> VoteClusters:
    """The clusters of votes, with equal weights of raters. Each argument holds the index of each vote's cluster."""
    votes_of_rater = np.bincount(raters)
    return VoteClusters(1 / (len(votes_of_rater) * votes_of_rater[raters]), raters, images)


def variances(values: Floats, clusters: VoteClusters) -> tuple[float, float]:
    """The variance of the weighted mean over raters, and that over images, each by a delete-one jackknife.

    Args:
        values: one for each vote.
    """
    return (
        _jackknife(values, clusters.weights, clusters.raters),
        _jackknife(values, clusters.weights, clusters.images),
    )


def variances_about_zero(values: Floats, clusters: VoteClusters) -> tuple[float, float, float]:
    """The variance of the weighted mean over raters, over images and over single votes if the true mean is 0."""
    weighted = clusters.weights * values
    by_rater, by_image = np.bincount(clusters.raters, weighted), np.bincount(clusters.images, weighted)
    return float((by_rater**2).sum()), float((by_image**2).sum()), float((weighted**2).sum())


def freedom(parts: tuple[float, float], clusters: VoteClusters) -> float:
    """Degrees of freedom of the sum of two variances: Satterthwaite's.

    With three raters or three images the variances themselves are too uncertain for Satterthwaite's formula. Then, and
    if both variances are 0, the degrees of freedom are those of the smaller number.
    """
    return min(clusters.freedoms) if clusters.fewest <= 3 else satterthwaite(parts, clusters.freedoms)


def _jackknife(values: Floats, weights: Floats, cluster: Indices) -> float:
    """Delete-one jackknife over clusters. Equally weighted ones give the variance of their mean, s² / n."""
    weight = np.bincount(cluster, weights)
    total = np.bincount(cluster, weights * values)
    changes = (total - weight * total.sum()) / (1 - weight)
    return float((changes**2).sum() * (len(weight) - 1) / len(weight))
