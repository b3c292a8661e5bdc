"""Clusters of near-duplicates: images that a chain of near-duplicates joins, as the frames of one film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ugbench.data.duplicates import MAX_DISTANCE, Hash, distance_rows


def clusters(hashes: Sequence[tuple[Hash, Hash]]) -> list[int]:
    """The number of each image's cluster.

    Two images are in one cluster if their hashes, or the hash of one and that of the other's mirror image, differ in at
    most MAX_DISTANCE bits, or if a chain of such pairs leads from one to the other (single linkage). So a cluster can
    hold two images that differ in more bits than that.

    Args:
        hashes: the hash of each image and of its mirror image, from `ugbench.data.duplicates.perceptual_hashes`.
    Returns:
        Clusters are numbered from 0 in the order of their first images; an image without a near-duplicate is a cluster
        of its own.
    """
    from scipy.sparse import coo_array  # not at the top: commands that only name data must not wait for SciPy
    from scipy.sparse.csgraph import connected_components

    count = len(hashes)
    labels = np.arange(count)
    for start, distances in distance_rows(hashes, hashes):
        # An edge joins each image to the first one of its cluster so far, so a part of the table needs no earlier pair.
        _, first = np.unique(labels, return_index=True)
        rows, columns = np.nonzero(distances <= MAX_DISTANCE)
        heads = np.concatenate([rows + start, np.arange(count)])
        tails = np.concatenate([columns, first[labels]])
        edges = coo_array((np.ones(len(heads), dtype=bool), (heads, tails)), shape=(count, count))
        labels = connected_components(edges, directed=False)[1]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels.tolist()]
