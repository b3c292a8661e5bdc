"""One panel of curves over training steps, for figures and for the report: losses, rho, and scores.

Each main line has the label of its run, layer or configuration, so that a caller can say what it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ugbench.figures import _style
from ugbench.figures._curves import WIDE, running_mean, thinned
from ugbench.runs.training_log import Curve
from ugbench.scoring.record import ScoreRecord

Style = Mapping[str, Any]
"""Keyword arguments of `Axes.plot`, as `_style.line_styles` gives them."""

MARKERS, SIZE = 4, 2.5  # number of markers along a line, and their size in points
SCORE_SIZE = 3.5  # size of the markers of scores, in points


@dataclass(frozen=True)
class ScoreLine:
    """The scores of one configuration: for each of its seeds the records by step."""

    label: str
    seeds: Sequence[Mapping[int, ScoreRecord]]
    style: Style


def losses(axes: Axes, curves: Sequence[tuple[str, Curve, Style]], points: int | None = None) -> list[Line2D]:
    """Running means over a twentieth of the points, and faint lines of the points; a wide span gets a logarithmic axis.

    Args:
        curves: each with its label and style.
        points: draw at most so many points of each curve; None for all.
    Returns:
        The lines of the running means.
    """
    low, high, lines = math.inf, 0.0, []
    for index, (label, logged, style) in enumerate(curves):
        mean = running_mean(logged)
        if np.isfinite(mean.values).any():
            low, high = min(low, float(np.nanmin(mean.values))), max(high, float(np.nanmax(mean.values)))
        if points is not None:
            logged, mean = thinned(logged, points), thinned(mean, points)
        axes.plot(logged.steps, logged.values, color=style["color"], linewidth=0.4, alpha=0.25)
        interval = max(1, len(mean.steps) // MARKERS)
        start = interval * index // len(curves)  # so that the markers of several runs do not cover each other
        marks: Style = {**style, "markersize": SIZE, "markevery": (start, interval)}
        lines += axes.plot(mean.steps, mean.values, label=label, **marks)
    if low > 0 and high > WIDE * low:
        axes.set_yscale("log")
    _style.set_step_ticks(axes)
    return lines


def layer_styles(layers: Sequence[str]) -> dict[str, Style]:
    """The style of each layer: the nearer it is to the input, the darker; dashes differ between neighbours."""
    colours = _style.sequential_colours(len(layers))
    return {
        layer: {"color": colour, "linestyle": _style.DASHES[depth % 4]}
        for depth, (layer, colour) in enumerate(zip(layers, colours, strict=True))
    }


def rho(
    axes: Axes, layers: Mapping[str, Curve], styles: Mapping[str, Style], points: int | None = None
) -> list[Line2D]:
    """One line per layer. The axis always goes from 0 to 1, so that it shows how far rho has moved.

    Args:
        points: draw at most so many points of each curve; None for all.
    """
    axes.set_ylim(-0.02, 1.02)
    _style.set_step_ticks(axes)
    lines = []
    for layer, logged in layers.items():
        curve = logged if points is None else thinned(logged, points)
        lines += axes.plot(curve.steps, curve.values, label=layer, **styles[layer])
    return lines


def scores(
    axes: Axes, score_lines: Sequence[ScoreLine], scale: float, levels: Sequence[tuple[float, Style]] = ()
) -> list[Line2D]:
    """The mean over seeds at the steps at which all have a score, and their range.

    With one seed the band is the 95 % interval over images, where there is one.

    Args:
        scale: the factor by which values are multiplied.
        levels: values, not scaled yet, that are horizontal lines, each with its style.
    """
    _style.set_step_ticks(axes, sorted({step for line in score_lines for by_step in line.seeds for step in by_step}))
    lines = []
    for line in score_lines:
        steps = sorted(set.intersection(*(set(by_step) for by_step in line.seeds)))
        if steps:
            values = scale * np.array([[by_step[step].value for step in steps] for by_step in line.seeds])
            lines += axes.plot(steps, values.mean(0), zorder=3, label=line.label, markersize=SCORE_SIZE, **line.style)
            low, high = _band(line.seeds, steps, values, scale)
            axes.fill_between(steps, low, high, color=line.style["color"], alpha=0.2, linewidth=0)
    for value, style in levels:
        axes.axhline(value * scale, zorder=1, **style)
    return lines


def _band(
    seeds: Sequence[Mapping[int, ScoreRecord]], steps: Sequence[int], values: Any, scale: float
) -> tuple[Any, Any]:
    """Low and high end at each step, NaN where there is none."""
    if len(seeds) > 1:
        return values.min(0), values.max(0)
    bounds = [(seeds[0][step].low, seeds[0][step].high) for step in steps]
    low, high = scale * np.array([(np.nan, np.nan) if None in pair else pair for pair in bounds], dtype=float).T
    return low, high
