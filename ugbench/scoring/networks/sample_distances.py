"""Distances between the outputs of one source that were made with different styles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.progress import Progress, tracked
from ugbench.data.tensors import load_images, to_float
from ugbench.errors import DataError
from ugbench.image_size import Size
from ugbench.scoring.networks.perceptual import PerceptualDistance

BATCH_SIZE = 16  # pairs


def sample_distances(
    perceptual: PerceptualDistance, samples: Sequence[Sequence[Path]], size: Size, progress: Progress | None = None
) -> Tensor:
    """The distance of each pair of outputs of one source at `size`: float (n, k (k - 1) / 2), k outputs of n sources.

    The outputs of one source are in memory at a time.

    Args:
        samples: the files of the outputs of each source, equally many.
        progress: called with (sources done, number of sources).
    Raises:
        UsageError: images are too small for the net.
        DataError: a file cannot be read, or a distance is NaN or infinite.
    """
    rows = []
    for files in tracked(samples, len(samples), progress):
        images = to_float(load_images(files, size))
        first, second = torch.combinations(torch.arange(len(files)), 2).unbind(1)
        pairs = zip(first.split(BATCH_SIZE), second.split(BATCH_SIZE), strict=True)
        distances = torch.cat([perceptual.distance(images[a], images[b]).cpu() for a, b in pairs])
        if not torch.isfinite(distances).all():
            raise DataError(f"{files[0]}: its distance to another sample ({perceptual.net}) is NaN or infinite.")
        rows.append(distances)
    return torch.stack(rows)
