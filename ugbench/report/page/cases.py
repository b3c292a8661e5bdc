"""Scores of single images from the files at hand, for the best and the worst of a run's outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ugbench.data.images import Size, load_images
from ugbench.metrics import changed as metric

SCORE = (
    "changed, of each image alone: the error that is left where the truth differs from the source, 1 for an untouched "
    "source and 0 for the truth."
)
NONE = (
    "Single images have no score here: FID, KID and their like are of sets, of LPIPS the mean alone is kept, and the "
    "truth is known on a dial only."
)


def changed(
    sources: Mapping[str, Path], outputs: Mapping[str, Path], truth: Mapping[str, Path], size: Size
) -> dict[str, float]:
    """`changed` of each output by stem, at `size`; left out where source or truth is missing or nothing should change.

    Raises:
        DataError: an image cannot be read.
    """
    stems = [stem for stem in outputs if stem in sources and stem in truth]
    if not stems:
        return {}
    source, output, known = (load_images([files[stem] for stem in stems], size) for files in (sources, outputs, truth))
    found = metric.each(source, output, known).tolist()
    return {stem: score for stem, score in zip(stems, found, strict=True) if not math.isnan(score)}
