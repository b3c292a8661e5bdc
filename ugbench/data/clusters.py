"""Clusters of near-duplicates: images that a chain of near-duplicates joins, as the frames of one film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ugbench.data.duplicates import Appearance, near_pairs


def clusters(images: Sequence[Appearance]) -> list[int]:
    """The number of each image's cluster.

    Two images are in one cluster if they are near-duplicates (`ugbench.data.duplicates`), or if a chain of such pairs
    leads from one to the other (single linkage). So a cluster can hold two images that are no near-duplicates.

    Returns:
        Clusters are numbered from 0 in the order of their first images; an image without a near-duplicate is a cluster
        of its own.
    """
    from scipy.sparse import coo_array  # not at the top: commands that only name data must not wait for SciPy
    from scipy.sparse.csgraph import connected_components

    count = len(images)
    labels = np.arange(count)
    for pairs in near_pairs(images, images):
        # An edge joins each image to the first one of its cluster so far, so a part of the table needs no earlier pair.
        _, first = np.unique(labels, return_index=True)
        heads = np.concatenate([pairs.images, np.arange(count)])
        tails = np.concatenate([pairs.others, first[labels]])
        edges = coo_array((np.ones(len(heads), dtype=bool), (heads, tails)), shape=(count, count))
        labels = connected_components(edges, directed=False)[1]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels.tolist()]
