"""What a metric is: a pure function and the few facts that tables need. Each file of ugbench/metrics is one metric.

A metric's module defines one `METRIC`. Its function receives the inputs that the metric names in `needs` and returns a
`Score`. Loading these inputs, choosing the references and writing records is the work of ugbench.scoring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, repr=False)
class Score:
    """The value of a metric, and how well it is known.

    Attributes:
        value: raw, never multiplied by 100.
        se, low, high: standard error and bounds of the 95 % interval; None where no interval with a
            known coverage exists.
        warning: a sentence for the user about this value; None if there is nothing to say.
        p_value: of the hypothesis that both image sets come from one distribution; None if it was not tested.
        order_sd: standard deviation of the value over random orders of the files; None if the order does not matter.
        each: the contribution of each output, in the order of the outputs; `value` is their mean. None where the
            value is no such mean.
    """

    value: float
    se: float | None = None
    low: float | None = None
    high: float | None = None
    warning: str | None = None
    p_value: float | None = None
    order_sd: float | None = None
    each: tuple[float, ...] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds of the 95 % interval, raw; None where no interval with a known coverage exists."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def __repr__(self) -> str:
        """The value on one line, without `each`, which may hold thousands of numbers.

        >>> Score(0.01234, se=0.0011, low=0.0102, high=0.0145, each=(0.01, 0.02))
        Score(0.01234 ± 0.0011, 95 % interval 0.0102 to 0.0145)
        """
        error = "" if self.se is None else f" ± {self.se:.2g}"
        interval = "" if self.interval is None else f", 95 % interval {self.low:.4g} to {self.high:.4g}"
        p_value = "" if self.p_value is None else f", p (equal) {self.p_value:.3g}"
        return f"Score({self.value:.4g}{error}{interval}{p_value})"


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        title: the column heading in tables, with the scale in it.
        compute: takes the inputs of `needs` as positional arguments, in that order, and `settings` with the caller's
            changes as keyword arguments.
        needs: names of inputs. `INPUTS` in ugbench/scoring/inputs.py lists them with shapes and ranges.
        higher_is_better: None if a value is neither good nor bad; tables then mark no best value.
        scale: tables print value * scale.
        settings: the settings of `compute` with their defaults; they are part of the metric's protocol.
        changed_pixels_only: True if the metric is defined only where source and ground truth differ. A data set in
            which both are equal then has no such score.
        dial_only: True if the metric needs a dial: it reads from each pixel whether it should change, which pairs of
            photographs do not show, or it knows the drawn scenes.
        biased: True if the expected value depends on the numbers of images, as that of FID does. Tables compare such
            values at equal numbers only.
        least_images: images per set below which tables call no value the best: with fewer, the order of two methods is
            mostly chance.
        extractor: the extractor that the metric is defined on, whatever --extractor says; None for any.
        note: a sentence that must stand under a table with this metric.
        note_if_negative: a sentence that must stand under a table with a value below 0; None if there is no such value,
            or if it needs no explanation.
    Raises:
        TypeError: `needs` is a string and not a tuple.
    """

    title: str
    compute: Callable[..., Score]
    needs: tuple[str, ...]
    higher_is_better: bool | None
    scale: float = 1.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    changed_pixels_only: bool = False
    dial_only: bool = False
    biased: bool = False
    least_images: int = 0
    extractor: str | None = None
    note: str | None = None
    note_if_negative: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.needs, str):
            raise TypeError(f"needs={self.needs!r} is a string; to fix this, write needs=({self.needs!r},).")
