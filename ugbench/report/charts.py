"""Charts of the report as SVG paths: losses and rho over training, scores over checkpoints."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.markers import MarkerStyle
from matplotlib.ticker import LogLocator, MaxNLocator
from matplotlib.transforms import Affine2D

from ugbench.figures._curves import WIDE, loss_terms, rho_by_network, running_mean, short_term, thinned
from ugbench.runs.training_log import Curve, Floats
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.model import Table
from ugbench.tables.records import Measured, over_steps

WIDTH, HEIGHT = 240.0, 110.0  # of the plot, in units of the SVG
POINTS = 100  # most points of a line
LETTERS = 34  # that fit over a panel
PADDING = 0.04  # share of the range that is added above and below linear curves
MARKERS, RADIUS = 4, 3.0  # number of markers along a line, and half their width in units of the SVG

Interval = tuple[float, float]
"""Low and high end of the interval of a value."""


@dataclass(frozen=True)
class Point:
    """A marker at (x, y), with the ends of its interval where it has one; all in units of the SVG."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        label: the name in the legend.
        path: an SVG path; empty where no value is finite.
        end: the last finite value.
        points: the markers.
    """

    label: str
    path: str
    end: float | None
    points: tuple[Point, ...] = ()


Tick = tuple[float, str]
"""A mark on an axis: its position in units of the SVG, and its text."""


@dataclass(frozen=True)
class Panel:
    """A chart of WIDTH x HEIGHT; `title` is short enough to fit over it."""

    title: str
    full_title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    @property
    def description(self) -> str:
        """The chart in words for screen readers: its title, and where each line ends."""
        ends = ", ".join(f"{line.label} {line.end:.3g}" for line in self.lines if line.end is not None)
        return f"{self.full_title} over steps; at the end: {ends}"


@dataclass(frozen=True)
class Axis:
    """Maps values from low … high to positions 0 … length."""

    low: float
    high: float
    length: float
    log: bool = False

    def positions(self, values: Floats) -> Floats:
        """Positions of values. NaN where a value is NaN or, on a logarithmic axis, not positive."""
        low, high = self.low, self.high
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.where(values > 0, np.log10(values), np.nan)
            low, high = math.log10(low), math.log10(high)
        return (values - low) / (high - low) * self.length

    def ticks(self, most: int) -> list[tuple[float, float]]:
        """About `most` round values on the axis, and their positions."""
        locator = LogLocator(numticks=most) if self.log else MaxNLocator(most)
        values = [float(value) for value in locator.tick_values(self.low, self.high)]
        values = [value for value in values if self.low <= value <= self.high]
        return list(zip(values, self.positions(np.array(values)).round(1).tolist(), strict=True))


def loss_panels(logs: Mapping[str, Mapping[str, Curve]]) -> list[Panel]:
    """One panel per loss term, one line per run that has it; lines are running means.

    Args:
        logs: curves by the label of the run, then by key.
    """
    return [
        make_panel(term, {label: running_mean(curves[term]) for label, curves in logs.items() if term in curves})
        for term in loss_terms(logs.values())
    ]


def rho_panels(logs: Mapping[str, Mapping[str, Curve]]) -> list[tuple[str, list[Panel]]]:
    """For each run that logs rho one panel per network, with one line per layer; the axis is always 0 to 1.

    Args:
        logs: curves by the label of the run, then by key.
    """
    by_run = {label: rho_by_network(curves) for label, curves in logs.items()}
    return [
        (label, [make_panel(network or "rho", layers, (0.0, 1.0)) for network, layers in networks.items()])
        for label, networks in by_run.items()
        if networks
    ]


def score_panels(records: Iterable[ScoreRecord], table: Table, labels: Mapping[str, str]) -> list[Panel]:
    """One panel per direction and column of the table in which a run has scores at several steps; one line per run.

    Args:
        records: oldest first; where a step has several records, the newest counts.
        labels: of the runs to draw, by id.
    """
    by_label: dict[str, list[ScoreRecord]] = defaultdict(list)
    for score in records:
        if score.run in labels and math.isfinite(score.value):
            by_label[labels[score.run]].append(score)
    scores = {label: over_steps(of_run) for label, of_run in sorted(by_label.items())}
    panels = []
    for direction in sorted({measured.direction for of_run in scores.values() for measured in of_run}):
        for column in table.columns:
            measured = Measured(column.metric, column.protocol_id, direction)
            by_step = {label: of_run[measured] for label, of_run in scores.items() if measured in of_run}
            if any(len(steps) > 1 for steps in by_step.values()):
                sorted_scores = {label: [steps[step] for step in sorted(steps)] for label, steps in by_step.items()}
                panels.append(_score_panel(f"{direction} {column.title}", sorted_scores, column.scale))
    return panels


def _score_panel(title: str, runs: Mapping[str, Sequence[ScoreRecord]], scale: float) -> Panel:
    """Scores by the label of the run, sorted by step; values are multiplied by `scale`."""
    curves = {
        label: Curve(*np.array([(score.step, score.value * scale) for score in scores], dtype=np.float64).T)
        for label, scores in runs.items()
    }
    intervals = {
        label: [
            None if score.low is None or score.high is None else (score.low * scale, score.high * scale)
            for score in scores
        ]
        for label, scores in runs.items()
    }
    ends = [end for of_run in intervals.values() for interval in of_run if interval is not None for end in interval]
    return make_panel(title, curves, _range([*curves.values()], ends), intervals)


def make_panel(
    title: str,
    curves: Mapping[str, Curve],
    limits: tuple[float, float] | None = None,
    intervals: Mapping[str, Sequence[Interval | None]] | None = None,
) -> Panel:
    """A panel of curves by label.

    Args:
        limits: ends of a linear y axis. None for those of the curves; the axis is then logarithmic where the curves
            are positive and span more than a factor of 50.
        intervals: for each label one interval, or None, per point. Every point then has a marker. Without intervals
            the curves are thinned and have a few markers, those of several lines at different places.
    """
    last_step = max((float(curve.steps[-1]) for curve in curves.values()), default=1.0)
    x = Axis(0.0, max(last_step, 1.0), WIDTH)
    y = _value_axis(list(curves.values())) if limits is None else Axis(*limits, HEIGHT)
    lines = []
    for index, (label, curve) in enumerate(curves.items()):
        finite = curve.values[np.isfinite(curve.values)]
        end = float(finite[-1]) if len(finite) else None
        if intervals is None:
            curve = thinned(curve, POINTS)
            marked = _marked_points(curve, index, len(curves))
            points = _points(marked, [None] * len(marked.steps), x, y)
        else:
            points = _points(curve, intervals[label], x, y)
        lines.append(Line(label, _path(curve, x, y), end, points))
    return Panel(
        short_term(title, LETTERS),
        title,
        tuple(lines),
        tuple((position, _short_number(value)) for value, position in x.ticks(4)),
        tuple((HEIGHT - position, _short_number(value)) for value, position in y.ticks(4)),
    )


def marker_path(name: str) -> str:
    """A marker of matplotlib as an SVG path around 0, 0."""
    style = MarkerStyle(name)
    # Curves become polygons with a precision of about one unit, so they are made large and then shrunk.
    path = (
        style.get_path().transformed(style.get_transform()).transformed(Affine2D().scale(200 * RADIUS, -200 * RADIUS))
    )
    polygons = [np.asarray(polygon, dtype=np.float64) / 100 for polygon in path.to_polygons()]
    parts = [" ".join(f"{x:.2f} {y:.2f}" for x, y in polygon.tolist()) for polygon in polygons]
    return "".join(f"M{part}Z" for part in parts)


def _marked_points(curve: Curve, index: int, count: int) -> Curve:
    """The few finite points that carry a marker, for the line number `index` of `count` lines."""
    interval = max(1, len(curve.steps) // MARKERS)
    start = interval * index // count
    steps, values = curve.steps[start::interval], curve.values[start::interval]
    return Curve(steps[np.isfinite(values)], values[np.isfinite(values)])


def _value_axis(curves: Sequence[Curve]) -> Axis:
    values = np.concatenate([curve.values for curve in curves])
    finite = values[np.isfinite(values)]
    if len(finite) and finite.min() > 0 and finite.max() > WIDE * finite.min():
        return Axis(float(finite.min()) / 1.2, float(finite.max()) * 1.2, HEIGHT, log=True)
    return Axis(*_range(curves), HEIGHT)


def _range(curves: Sequence[Curve], more: Sequence[float] = ()) -> tuple[float, float]:
    """The least and the largest finite value, with some padding; 0 to 1 where no value is finite."""
    values = np.concatenate([*(curve.values for curve in curves), np.array(more, dtype=np.float64)])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    padding = PADDING * (high - low) or abs(high) * PADDING or 1.0
    return low - padding, high + padding


def _path(curve: Curve, x: Axis, y: Axis) -> str:
    """The curve as an SVG path, with a gap where a value is not finite."""
    path, command = "", "M"
    for left, top in zip(x.positions(curve.steps), HEIGHT - y.positions(curve.values), strict=True):
        if math.isfinite(top):
            path += f"{command}{left:.1f} {top:.1f}"
        command = "L" if math.isfinite(top) else "M"
    return path


def _points(curve: Curve, intervals: Sequence[Interval | None], x: Axis, y: Axis) -> tuple[Point, ...]:
    lefts, tops = x.positions(curve.steps).tolist(), (HEIGHT - y.positions(curve.values)).tolist()
    ends = [() if pair is None else (HEIGHT - y.positions(np.array(pair))).round(1).tolist() for pair in intervals]
    return tuple(Point(round(left, 1), round(top, 1), *pair) for left, top, pair in zip(lefts, tops, ends, strict=True))


def _short_number(value: float) -> str:
    """The number in few letters: `2k`, `0.05`."""
    if abs(value) >= 1000:
        return f"{value / 1000:.4g}k" if abs(value) < 1e6 else f"{value / 1e6:.4g}M"
    return f"{round(value, 9):.4g}"
