"""How much of a heat map lies where the translation should change: 1 is no better than uniform."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ugbench.data.overlay import stretch
from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics import _truth
from ugbench.metrics._intervals import mean_score

MOST = 0.9  # share of the image that should change, beyond which every map is near 1


def compute(heat: Tensor, source: Tensor, truth: Tensor, threshold: int = _truth.THRESHOLD) -> Score:
    """Mean over images of the region's share of the map's mass over its share of the area.

    The region is where source and truth differ. Mass counts from the map's own minimum, at the images' size, as an
    overlay shows it: features behind a leaky ReLU are negative too, and their scale means nothing. A constant map
    is uniform. Images in which nothing should change have no value and are left out.

    The largest possible value is one over the region's share of the area, so values of data sets with other regions
    do not compare, and where nearly all should change there is a warning.

    Args:
        heat: float (n, 1, h, w), any range.
        source, truth: uint8 (n, 3, s, s).
        threshold: levels of 255 by which a channel must differ between source and truth.
    Raises:
        UsageError: shapes that do not match, or no pixel that should change.
    """
    _truth.same_shape("cam_mass", source, truth)
    _truth.check_threshold("cam_mass", threshold)
    if len(heat) != len(truth):
        raise UsageError(f"cam_mass: {len(heat)} heat maps and {len(truth)} images do not match; give a map an image.")
    split = torch.split(heat, _truth.CHUNK), torch.split(source, _truth.CHUNK), torch.split(truth, _truth.CHUNK)
    both = torch.cat([_shares(*part, threshold) for part in zip(*split, strict=True)])
    if not len(both):
        raise UsageError(
            f"cam_mass: no pixel of the truth differs from its source by more than {threshold} levels, so no region "
            "should change; leave this metric out for this data set."
        )
    shares, areas = both.unbind(1)
    score = mean_score(shares / areas)
    if float(areas.mean()) <= MOST:
        return score
    warning = (
        f"cam_mass: {float(areas.mean()):.0%} of the image should change, so no map can reach more than "
        f"{float((1 / areas).mean()):.2f}; use a dial that changes less, as shape=1,texture=0."
    )
    return replace(score, warning=warning)


def _shares(heat: Tensor, source: Tensor, truth: Tensor, threshold: int) -> Tensor:
    """The region's shares of mass and of area, (k, 2), of the k images in which something should change."""
    inside = _truth.region(source, truth, threshold).flatten(1).double()
    height, width = truth.shape[2:]
    mass = stretch(heat, (height, width)).flatten(1).double()
    area = inside.mean(1)
    whole = mass.sum(1)
    share = torch.where(whole > 0, (mass * inside).sum(1) / whole.clamp(min=torch.finfo(mass.dtype).tiny), area)
    some = area > 0
    return torch.stack([share[some], area[some]], 1)


METRIC = Metric(
    title="CAM mass",
    compute=compute,
    needs="attention",
    # More of the map inside is not better: all of it on one pixel there would be the most.
    higher_is_better=None,
    of_change=True,
    settings={"threshold": _truth.THRESHOLD},
    note="CAM mass: the share of the main heat map inside the region that should change, over the region's share of "
    "the image; 1 is no better than uniform. A run without attention shows the map of its plain features.",
)
