"""How much of an attention map lies where the translation should change: 1 is no better than a uniform map."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import CHANGE_THRESHOLD

if TYPE_CHECKING:
    from torch import Tensor

MOST = 0.9  # if more of the image should change, the value of every map is near 1


def compute(attention_map: Tensor, source: Tensor, truth: Tensor, threshold: int = CHANGE_THRESHOLD) -> Score:
    """Mean over images of the region's share of the map's mass divided by its share of the area; at least 0.

    The region is where source and truth differ. The mass is measured from the map's own minimum, at the size of the
    images, as an overlay shows it: features after a leaky ReLU can be negative, and their scale has no meaning. A
    constant map counts as uniform. Images in which nothing should change have no value and are left out.

    The largest possible value is one divided by the region's share of the area. So values of data sets with different
    regions cannot be compared, and there is a warning if nearly all of the image should change.

    Args:
        attention_map: float (n, 1, h, w), any range.
        source, truth: uint8 (n, 3, s, s).
        threshold: a pixel should change where source and truth differ by more levels of 255 in any channel.
    Raises:
        UsageError: the shapes do not match, or no pixel should change.
    """
    import torch

    from ugbench.metrics import _truth
    from ugbench.metrics._intervals import mean_score

    _truth.same_shape("cam_mass", source, truth)
    _truth.check_threshold("cam_mass", threshold)
    if len(attention_map) != len(truth):
        raise UsageError(
            f"cam_mass: {len(attention_map)} attention maps and {len(truth)} images do not match; give one map for "
            "each image."
        )
    size = _truth.CHUNK
    chunks = zip(attention_map.split(size), source.split(size), truth.split(size), strict=True)
    shares_and_areas = torch.cat([_shares(*chunk, threshold) for chunk in chunks])
    if not len(shares_and_areas):
        raise UsageError(
            f"cam_mass: no pixel of the truth differs from its source by more than {threshold} levels, so no region "
            "should change; leave this metric out for this data set."
        )
    shares, areas = shares_and_areas.unbind(1)
    score = mean_score(shares / areas)
    if float(areas.mean()) <= MOST:
        return score
    warning = (
        f"cam_mass: {float(areas.mean()):.0%} of the image should change, so no map can reach more than "
        f"{float((1 / areas).mean()):.2f}; use a dial that changes less, as shape=1,texture=0."
    )
    return replace(score, warning=warning)


def _shares(attention_map: Tensor, source: Tensor, truth: Tensor, threshold: int) -> Tensor:
    """The region's shares of mass and of area, (k, 2), of the k images in which something should change."""
    import torch

    from ugbench.data.overlay import stretch
    from ugbench.metrics import _truth

    region = _truth.changed_region(source, truth, threshold).flatten(1).double()
    height, width = truth.shape[2:]
    mass = stretch(attention_map, (height, width)).flatten(1).double()
    area = region.mean(1)
    total = mass.sum(1)
    share = torch.where(total > 0, (mass * region).sum(1) / total.clamp(min=torch.finfo(mass.dtype).tiny), area)
    changes = area > 0
    return torch.stack([share[changes], area[changes]], 1)


METRIC = Metric(
    title="CAM mass",
    compute=compute,
    needs=("attention_map", "source_tensor", "truth_tensor"),
    # More mass inside the region is not always better: all of it on one pixel of the region gives the largest value.
    higher_is_better=None,
    changed_pixels_only=True,
    dial_only=True,
    settings={"threshold": CHANGE_THRESHOLD},
    note="CAM mass: the share of the main attention map inside the region that should change, over the region's share "
    "of the image; 1 is no better than uniform. A run without attention shows the map of its plain features.",
)
