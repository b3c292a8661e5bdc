"""What a metric is: a pure function and the few words that tables need. A metric is a file of ugbench/metrics.

A metric's module defines one `METRIC`. It sees features or images and returns a `Score`; extracting features,
choosing references and writing records is ugbench.scoring's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PAIRED = ("perceptual", "structure")  # `needs` that are distances from a source to its output


@dataclass(frozen=True)
class Score:
    """A raw value (never x100). `se`, `low` and `high` are None where no honest interval exists.

    `p_value` is of the hypothesis that the two sets come from one distribution; None where it was not asked.
    `order_sd` is the value's standard deviation over random orders of the files, where their order matters.
    `each` is what each output contributes, in their order: the value is their mean. None where it is not such a mean.
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
        title: a table's column heading, with the scale in it.
        compute: what it takes depends on `needs`; keyword arguments are `settings` with the caller's changes.
        needs: "features": compute(fake, real), float tensors (n, d) and (m, d) of one extractor;
            "perceptual": compute(distances), float (n,), LPIPS from each source to its output;
            "structure": the same with DINO's structure distance;
            "truth": compute(source, output, truth), uint8 images (n, 3, s, s) whose true translation is known;
            "attention": compute(heat, source, truth), float maps (n, 1, h, w) of a run's first heat map (or of its
            plain features, see `Method.feature_maps`), and images as for "truth";
            "images": compute(output, real), two collections of uint8 images (3, h, w) that are read one at a time,
            each time they are gone over; of one shape where a run is scored, of any where folders are.
        higher_is_better: None where a value is neither good nor bad, so that no table marks a best.
        scale: tables print value * scale.
        note: a sentence that must stand under a table with this metric.
        of_change: whether it is of the pixels that should change, so that it has no value where none should.
        with_sources: whether `compute` also takes source=, the sources as features (k, d) or images; of
            "features" and "images" alone.
        settings: this metric's part of a protocol, with its defaults.
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
