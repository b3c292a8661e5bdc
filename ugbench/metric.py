"""What a metric is: a pure function, and what a table must know about it. Each metric is a file in ugbench/metrics.

The module of a metric defines one `METRIC`. Its function takes features or images and returns a `Score`.
ugbench.scoring extracts the features, selects the reference images and writes the records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PAIRED = ("perceptual", "structure")  # values of `needs` for metrics that compare each source with its output


@dataclass(frozen=True)
class Score:
    """The result of a metric.

    Attributes:
        value: the score, not scaled for display (never x100).
        se: standard error; None if it cannot be estimated honestly.
        low, high: 95 % interval; None for the same reason.
        warning: a sentence about the value that a user should read.
        p_value: for the hypothesis that both sets come from the same distribution; None if it was not computed.
        order_sd: standard deviation of the value over random orders of the files; None if the order does not matter.
        each: the contributions of the outputs, in their order, if the value is their mean; None otherwise.
    """

    value: float
    se: float | None = None
    low: float | None = None
    high: float | None = None
    warning: str | None = None
    p_value: float | None = None
    order_sd: float | None = None
    each: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        title: the heading of its column in a table; it includes the scale.
        compute: the function. Its positional arguments depend on `needs`; its keyword arguments are `settings`.
        needs: the input of `compute`:
            "features": compute(fake, real), float features (n, d) and (m, d) of the same extractor;
            "perceptual": compute(distances), float (n,), the LPIPS distance of each source to its output;
            "structure": compute(distances), float (n,), the DINO structure distance of each source to its output;
            "truth": compute(source, output, truth), uint8 images (n, 3, s, s), where the true translation is known;
            "attention": compute(attention_map, source, truth), the main attention map of a run, float (n, 1, h, w)
            (see also `Method.feature_maps`), and images as for "truth";
            "images": compute(output, real), two collections of uint8 images (3, h, w). Each iteration reads the
            images from the disk, one at a time. They have the same shape if a run is scored; in folders they may
            differ.
        higher_is_better: None if a value is neither good nor bad; then no table marks a best value.
        scale: tables print value * scale.
        note: a sentence that is printed under each table with this metric.
        of_change: True if the metric is defined only where source and ground truth differ.
        with_sources: True if `compute` also takes source=, the sources as features (k, d) or as images; only for
            "features" and "images".
        settings: the keyword arguments of `compute` that are part of the protocol, with their defaults.
    """

    title: str
    compute: Callable[..., Score]
    needs: Literal["features", "perceptual", "structure", "truth", "attention", "images"]
    higher_is_better: bool | None
    scale: float = 1.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    of_change: bool = False
    with_sources: bool = False
    note: str | None = None
