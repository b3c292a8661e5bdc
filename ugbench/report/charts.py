"""Curves as panels of SVG paths: losses and rho over training, scores over checkpoints."""

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

WIDTH, HEIGHT = 240.0, 110.0  # of the plot, in the SVG's units
POINTS = 100  # that a line keeps
LETTERS = 34  # that fit over a panel
ROOM = 0.04  # of the range, above and below linear curves
MARKS, RADIUS = 4, 3.0  # markers along a line, and their half width


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        label: whose, as the legend names it.
        path: an SVG path; empty where nothing is finite.
        points: places to mark, with the intervals (x, y, low, high) of those that are single values with one.
        end: the last finite value.
    """

    label: str
    path: str
    end: float | None
    points: tuple[tuple[float, float, float | None, float | None], ...] = ()


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: its place in the SVG's units and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Panel:
    """A chart of WIDTH x HEIGHT. `whole` is the title unshortened."""

    title: str
    whole: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    @property
    def words(self) -> str:
        """The chart for one who does not see it: its range and where each line ends."""
        ends = ", ".join(f"{line.label} {line.end:.3g}" for line in self.lines if line.end is not None)
        return f"{self.whole} over steps; at the end: {ends}"


@dataclass(frozen=True)
class Axis:
    """Maps values to 0 … length; a value outside [low, high] leaves that range."""

    low: float
    high: float
    length: float
    log: bool = False

    def at(self, values: Floats) -> Floats:
        """Places of values, NaN where there is none (on a logarithmic axis: of 0 and below)."""
        low, high = self.low, self.high
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.where(values > 0, np.log10(values), np.nan)
            low, high = math.log10(low), math.log10(high)
        return (values - low) / (high - low) * self.length

    def ticks(self, most: int) -> list[float]:
        """A few round values within the axis."""
        locator = LogLocator(numticks=most) if self.log else MaxNLocator(most)
        found = [float(value) for value in locator.tick_values(self.low, self.high)]
        return [value for value in found if self.low <= value <= self.high]


def losses(logged: Mapping[str, Mapping[str, Curve]]) -> list[Panel]:
    """A panel a loss term, a line a run that has it: running means, logarithmic where they span a factor over 50.

    Args:
        logged: curves by run label, then key; several runs may not share a label.
    """
    panels = []
    for term in loss_terms(logged.values()):
        means = {label: running_mean(curves[term]) for label, curves in logged.items() if term in curves}
        panels.append(panel(term, means))
    return panels


def rhos(logged: Mapping[str, Mapping[str, Curve]]) -> list[tuple[str, list[Panel]]]:
    """For each run that logs rho a panel a network, a line a layer; the axis is always 0 to 1."""
    found = []
    for label, curves in logged.items():
        networks = rho_by_network(curves)
        if networks:
            found.append((label, [panel(name or "rho", layers, (0.0, 1.0)) for name, layers in networks.items()]))
    return found


def scores(records: Iterable[ScoreRecord], table: Table, labels: Mapping[str, str]) -> list[Panel]:
    """A panel a direction and column of the table in which a run was scored at several steps; a line a run.

    Args:
        records: oldest first; of several of one step the newest counts.
        labels: of the runs to draw, by id.
    """
    own: dict[str, list[ScoreRecord]] = defaultdict(list)
    for one in records:
        if one.run in labels and math.isfinite(one.value):
            own[labels[one.run]].append(one)
    found = {label: over_steps(rows) for label, rows in sorted(own.items())}
    panels = []
    for direction in sorted({measured.direction for steps in found.values() for measured in steps}):
        for column in table.columns:
            key = Measured(column.metric, column.protocol_id, direction)
            runs = {label: steps[key] for label, steps in found.items() if key in steps}
            if any(len(steps) > 1 for steps in runs.values()):
                rows = {label: [steps[step] for step in sorted(steps)] for label, steps in runs.items()}
                panels.append(_scores_panel(f"{direction} {column.title}", rows, column.scale))
    return panels


def _scores_panel(title: str, runs: Mapping[str, Sequence[ScoreRecord]], scale: float) -> Panel:
    curves = {
        label: Curve(*np.array([(one.step, one.value * scale) for one in rows], dtype=np.float64).T)
        for label, rows in runs.items()
    }
    ends = {
        label: [None if one.low is None or one.high is None else (one.low * scale, one.high * scale) for one in rows]
        for label, rows in runs.items()
    }
    wide = [value for own in ends.values() for pair in own if pair is not None for value in pair]
    return panel(title, curves, _range([*curves.values()], wide), ends)


def panel(
    title: str,
    curves: Mapping[str, Curve],
    limits: tuple[float, float] | None = None,
    intervals: Mapping[str, Sequence[tuple[float, float] | None]] | None = None,
) -> Panel:
    """A panel of curves by label.

    Args:
        limits: of a linear axis; None for those of the curves, logarithmic where they span a factor over 50.
        intervals: low and high of each point; a panel that has them marks each point and thins nothing, others mark a
            few, those of several lines between each other.
    """
    most = max((float(curve.steps[-1]) for curve in curves.values()), default=1.0)
    x = Axis(0.0, max(most, 1.0), WIDTH)
    y = _axis(list(curves.values())) if limits is None else Axis(*limits, HEIGHT)
    lines = []
    for place, (label, curve) in enumerate(curves.items()):
        finite = curve.values[np.isfinite(curve.values)]
        shown = curve if intervals is not None else thinned(curve, POINTS)
        if intervals is None:
            marked = _marked(shown, place, len(curves))
            points = _points(marked, [None] * len(marked.steps), x, y)
        else:
            points = _points(curve, intervals[label], x, y)
        lines.append(Line(label, _path(shown, x, y), float(finite[-1]) if len(finite) else None, points))
    return Panel(
        short_term(title, LETTERS),
        title,
        tuple(lines),
        tuple(Tick(place, _short(value)) for value, place in _places(x, 4)),
        tuple(Tick(HEIGHT - place, _short(value)) for value, place in _places(y, 4)),
    )


def marker(name: str) -> str:
    """A marker of matplotlib's as an SVG path about 0, 0."""
    style = MarkerStyle(name)
    # Curves become polygons of about a unit's precision, so they are drawn large first.
    path = (
        style.get_path().transformed(style.get_transform()).transformed(Affine2D().scale(200 * RADIUS, -200 * RADIUS))
    )
    polygons = [np.asarray(polygon, dtype=np.float64) / 100 for polygon in path.to_polygons()]
    parts = [" ".join(f"{x:.2f} {y:.2f}" for x, y in polygon.tolist()) for polygon in polygons]
    return "".join(f"M{part}Z" for part in parts)


def _marked(curve: Curve, place: int, count: int) -> Curve:
    """The few finite points of the `place`-th of `count` lines that carry its marker."""
    every = max(1, len(curve.steps) // MARKS)
    start = every * place // count
    steps, values = curve.steps[start::every], curve.values[start::every]
    return Curve(steps[np.isfinite(values)], values[np.isfinite(values)])


def _axis(curves: Sequence[Curve]) -> Axis:
    values = np.concatenate([curve.values for curve in curves])
    positive = values[np.isfinite(values)]
    if len(positive) and positive.min() > 0 and positive.max() > WIDE * positive.min():
        return Axis(float(positive.min()) / 1.2, float(positive.max()) * 1.2, HEIGHT, log=True)
    return Axis(*_range(curves), HEIGHT)


def _range(curves: Sequence[Curve], more: Sequence[float] = ()) -> tuple[float, float]:
    """Least and most finite value with some room; 0 to 1 where there is none."""
    values = np.concatenate([*(curve.values for curve in curves), np.array(more, dtype=np.float64)])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = ROOM * (high - low) or abs(high) * ROOM or 1.0
    return low - room, high + room


def _path(curve: Curve, x: Axis, y: Axis) -> str:
    """The curve as a path; a value that is not finite is a gap."""
    parts, pen = [], "M"
    for across, up in zip(x.at(curve.steps), HEIGHT - y.at(curve.values), strict=True):
        if math.isfinite(up):
            parts.append(f"{pen}{across:.1f} {up:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def _points(
    curve: Curve, intervals: Sequence[tuple[float, float] | None], x: Axis, y: Axis
) -> tuple[tuple[float, float, float | None, float | None], ...]:
    found: list[tuple[float, float, float | None, float | None]] = []
    ups = HEIGHT - y.at(curve.values)
    for across, up, pair in zip(x.at(curve.steps).tolist(), ups.tolist(), intervals, strict=True):
        low, high = (None, None) if pair is None else (HEIGHT - y.at(np.array(pair))).round(1).tolist()
        found.append((round(across, 1), round(up, 1), low, high))
    return tuple(found)


def _places(axis: Axis, most: int) -> list[tuple[float, float]]:
    ticks = axis.ticks(most)
    return list(zip(ticks, axis.at(np.array(ticks)).round(1).tolist(), strict=True))


def _short(value: float) -> str:
    """`2k`, `0.05`: what fits beside an axis."""
    if abs(value) >= 1000:
        return f"{value / 1000:.4g}k" if abs(value) < 1e6 else f"{value / 1e6:.4g}M"
    return f"{round(value, 9):.4g}"
