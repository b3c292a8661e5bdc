"""Where each heat map's mass lies, against where the translation should change; on a dial alone."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ugbench import registry
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UsageError
from ugbench.figures import _style
from ugbench.figures._context import FigureContext, label_runs
from ugbench.metrics import _truth, cam_mass
from ugbench.metrics._defaults import CHANGE_THRESHOLD
from ugbench.metrics._intervals import ENOUGH
from ugbench.runs.run import Run, dataset_of
from ugbench.scoring.request import why_no_score
from ugbench.tables.columns.map_mass import Masses, images, masses

TITLE = "mass of every heat map in the region that should change, over its share of the image (dial)"

USUAL, LEAST = 0.32, 0.2  # inches: of a run's line
ROOM = 0.6  # of a run's line, over which its maps stand above each other
GREY = "0.35"
NAMED = 4  # of runs that are not shown

Panels = dict[Direction, list[tuple[Run, str, Masses]]]
"""Runs with their labels and dots, by direction."""


def draw(context: FigureContext) -> Figure:
    """A panel a direction, a line a run, a dot a heat map with its 95 % interval over images; 1 is uniform.

    A panel's title says the largest value that any map could have there. Filled dots are attention, hollow ones the
    plain features of a network without it. Runs whose maps of their last step are not kept are named below; of fewer
    than 30 images there is no interval.

    Raises:
        UsageError: no runs, runs of several data sets, not a dial, or no kept maps.
        RunError: the data set is no longer where it was, or a file of maps is damaged.
    """
    runs = context.chosen_of_one_dataset()
    if (reason := why_no_score("cam_mass", dataset_of(runs[0]))) is not None:
        raise UsageError(f"the mass of heat maps has no place to be in: {reason}; name another --dataset.")
    panels, absent = _collect(runs, DIRECTIONS if context.direction is None else (context.direction,))
    if not panels and not absent:
        raise UsageError("none of these runs has heat maps, what made them draws none; choose others: --run RUN.")
    if not panels:
        where = runs[0].outputs(context.direction or "A2B")
        raise UsageError(
            f"no kept heat maps of a last step, in {where} for one; run `ugbench eval --metric cam_mass` to make them."
        )
    names = list(dict.fromkeys(name for rows in panels.values() for _, _, dots in rows for name in dots))
    markers = {name: _style.MARKERS[place % len(_style.MARKERS)] for place, name in enumerate(names)}
    most = max(map(len, panels.values()))
    looks = _style.lines([run for rows in panels.values() for run, _, _ in rows])
    handles, width = _handles(markers), _style.WIDTH * max(0.6, len(panels) / 2)
    entries, aside = _style.legend_size([str(handle.get_label()) for handle in handles], width)
    below = _style.in_lines("\n".join(_below(panels, absent)), width)
    aside += 0.65 + _style.LINE * (below.count("\n") + 1)
    mend = "draw fewer: --run RUN for each"
    height = _style.height_of(most, USUAL, LEAST, aside, f"heat maps of {most} runs", mend)
    with _style.settings():
        figure = _style.blank(width, height)
        grid = figure.subplots(1, len(panels), squeeze=False, sharex=True)[0]
        for axes, (direction, rows) in zip(grid, panels.items(), strict=True):
            axes.set_title(f"{direction} (largest possible: {_largest(rows[0][0], direction):.4g})", loc="left")
            _draw_panel(axes, rows, markers, looks)
        figure.supxlabel(below, fontsize=6)
        figure.legend(handles=handles, loc="outside upper left", ncols=entries)
    return figure


def _collect(runs: Sequence[Run], directions: Sequence[Direction]) -> tuple[Panels, list[str]]:
    """The rows of each direction that has any, and what keeps no maps of its last step, in words."""
    panels: Panels = {}
    find = functools.cache(images)
    absent, known = [], registry.modules("methods")  # of others nobody knows what they draw
    for direction in directions:
        for run, label in zip(runs, label_runs(runs), strict=True):
            dots = masses(run, direction, find)
            if dots:
                panels.setdefault(direction, []).append((run, label, dots))
            elif dots is None and run.config.method in known and direction in run.directions():
                absent.append(f"{label} {direction}")
    return panels, absent


def _below(panels: Panels, absent: Sequence[str]) -> Iterator[str]:
    """What stands under the panels, a line or more each."""
    yield "share of the map's mass where the image should change / share of the area"
    if any(score.low is None for rows in panels.values() for _, _, dots in rows for score, _ in dots.values()):
        yield f"(no interval: fewer than {ENOUGH} images)"
    if absent:
        more = f" and {len(absent) - NAMED} more" if len(absent) > NAMED else ""
        yield f"not shown, since no maps of their last step are kept: {', '.join(absent[:NAMED])}{more}"


def _largest(run: Run, direction: Direction) -> float:
    """The value of a map that is the region that should change."""
    own = images(dataset_of(run).root, direction, int(run.config.config["size"]))
    return cam_mass.compute(_truth.changed_region(*own, CHANGE_THRESHOLD).float(), *own).value


def _draw_panel(
    axes: Axes,
    rows: Sequence[tuple[Run, str, Masses]],
    markers: Mapping[str, str],
    looks: Mapping[str, Mapping[str, Any]],
) -> None:
    axes.axvline(1, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    axes.set_yticks(range(len(rows)), [label for _, label, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for place, (run, _, dots) in enumerate(rows):
        colour = looks[run.config.label]["color"]
        for each, (name, (score, attended)) in enumerate(dots.items()):
            height = place + ROOM * ((each + 0.5) / len(dots) - 0.5)
            if score.low is not None and score.high is not None:
                axes.plot([score.low, score.high], [height, height], color=colour, linewidth=1, zorder=2)
            face = colour if attended else "white"
            axes.plot([score.value], [height], **_dot(markers[name], colour, face), zorder=3)
        if place:
            axes.axhline(place - 0.5, color="0.9", linewidth=0.5, zorder=0)


def _dot(marker: str, edge: str, face: str) -> dict[str, Any]:
    return {
        "linestyle": "",
        "marker": marker,
        "markersize": 4,
        "markeredgewidth": 0.8,
        "markeredgecolor": edge,
        "markerfacecolor": face,
    }


def _handles(markers: Mapping[str, str]) -> list[Line2D | Patch]:
    maps = [Line2D([], [], label=name, **_dot(marker, GREY, GREY)) for name, marker in markers.items()]
    return [
        *maps,
        Patch(facecolor=GREY, edgecolor=GREY, label="attention"),
        Patch(facecolor="white", edgecolor=GREY, label="plain features"),
        Line2D([], [], label="uniform", color=GREY, linewidth=0.8, linestyle=(0, (4, 2))),
    ]
