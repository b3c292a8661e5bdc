"""How much of each attention map lies where the translation should change the image; for dials only."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ugbench import registry
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UsageError
from ugbench.figures import _style, _text
from ugbench.figures._context import FigureContext, label_runs
from ugbench.metrics import _truth, cam_mass
from ugbench.metrics._defaults import CHANGE_THRESHOLD, MIN_FOR_INTERVAL
from ugbench.runs.configurations import run_labels
from ugbench.runs.run import Run, dataset_of
from ugbench.scoring.request import why_no_score
from ugbench.tables.columns.map_mass import Masses, images, masses

TITLE = "mass of every attention map in the region that should change, over the region's share of the image (dial)"

ROW = _style.RowHeight(usual=0.32, least=0.2)
SPREAD = 0.6  # share of a run's row over which its maps stand above each other
GREY = "0.35"
LETTERS = 40  # most letters of a run's label
NAMED = 4  # most runs without stored maps that are named


@dataclass(frozen=True)
class MapRow:
    """The CAM masses of one run in one direction, by the name of the map."""

    run: Run
    label: str
    masses: Masses


def draw(context: FigureContext) -> Figure:
    """One panel per direction, one row per run, one marker per map with its 95 % interval over images; 1 is uniform.

    The title of a panel gives the largest value that any map could have. Filled markers are attention maps, hollow ones
    are maps of the plain features of a network without attention. Runs without stored maps of their last step are named
    below. There is no interval for fewer than 50 images.

    Raises:
        UsageError: no runs, runs of several data sets, not a dial, or no stored maps.
        RunError: the data set is gone, or a file of maps is damaged.
    """
    runs = context.selected_runs_of_one_dataset()
    if (reason := why_no_score("cam_mass", dataset_of(runs[0]))) is not None:
        raise UsageError(f"these runs have no CAM mass: {reason}; name another --dataset.")
    panels, without_maps = _collect(runs, DIRECTIONS if context.direction is None else (context.direction,))
    if not panels and not without_maps:
        raise UsageError("the methods of these runs have no attention maps; choose other runs: --run RUN for each.")
    if not panels:
        folder = runs[0].outputs(context.direction or "A2B")
        raise UsageError(
            f"no attention maps of a last step are stored, for example in {folder}; run "
            "`ugbench eval --metric cam_mass` to make them."
        )
    all_rows = [row for rows in panels.values() for row in rows]
    names = list(dict.fromkeys(name for row in all_rows for name in row.masses))
    markers = {name: _style.MARKERS[index % len(_style.MARKERS)] for index, name in enumerate(names)}
    most_rows = max(map(len, panels.values()))
    labels = run_labels([row.run for row in all_rows])
    styles = _style.line_styles([row.run for row in all_rows])
    colours = {run_id: styles[label]["color"] for run_id, label in labels.items()}
    handles, width = _handles(markers), _style.WIDTH * max(0.6, len(panels) / 2)
    legend_size = _style.legend_size([str(handle.get_label()) for handle in handles], width)
    below = _style.wrap("\n".join(_footnotes(all_rows, without_maps)), width)
    margin = legend_size.height + 0.65 + _style.LINE * (below.count("\n") + 1)
    content = f"attention maps of {most_rows} runs"
    height = _style.figure_height(most_rows, ROW, margin, content, "draw fewer: --run RUN for each")
    with _style.settings():
        figure = _style.blank(width, height)
        grid = figure.subplots(1, len(panels), squeeze=False, sharex=True)[0]
        for axes, (direction, rows) in zip(grid, panels.items(), strict=True):
            axes.set_title(f"{direction} (largest possible: {_largest(rows[0].run, direction):.4g})", loc="left")
            _draw_panel(axes, rows, markers, colours)
        figure.supxlabel(below, fontsize=6)
        figure.legend(handles=handles, loc="outside upper left", ncols=legend_size.columns)
    return figure


def _collect(runs: Sequence[Run], directions: Sequence[Direction]) -> tuple[dict[Direction, list[MapRow]], list[str]]:
    """The rows of each direction that has any; and the runs, in words, that have no stored maps of their last step."""
    by_direction: dict[Direction, list[MapRow]] = {}
    read_images = functools.cache(images)
    without_maps, registered = [], registry.modules("methods")  # whether other methods have maps is not known
    for direction in directions:
        for run, label in zip(runs, label_runs(runs), strict=True):
            map_masses = masses(run, direction, read_images)
            if map_masses:
                by_direction.setdefault(direction, []).append(MapRow(run, label, map_masses))
            elif map_masses is None and run.config.method in registered and direction in run.directions():
                without_maps.append(f"{label} {direction}")
    return by_direction, without_maps


def _footnotes(rows: Sequence[MapRow], without_maps: Sequence[str]) -> Iterator[str]:
    """The texts under the panels."""
    yield "share of the map's mass where the image should change / share of the area"
    if any(score.low is None for row in rows for score, _ in row.masses.values()):
        yield f"(no interval: fewer than {MIN_FOR_INTERVAL} images)"
    if without_maps:
        more = f" and {len(without_maps) - NAMED} more" if len(without_maps) > NAMED else ""
        yield f"not shown, since no maps of their last step are kept: {', '.join(without_maps[:NAMED])}{more}"


def _largest(run: Run, direction: Direction) -> float:
    """The CAM mass of a map that is exactly the region that should change."""
    source, truth = images(dataset_of(run).root, direction, run.config.transform)
    return cam_mass.compute(_truth.changed_region(source, truth, CHANGE_THRESHOLD).float(), source, truth).value


def _draw_panel(axes: Axes, rows: Sequence[MapRow], markers: Mapping[str, str], colours: Mapping[str, str]) -> None:
    axes.axvline(1, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    axes.set_yticks(range(len(rows)), [_text.shortened(row.label, LETTERS) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for place, row in enumerate(rows):
        colour = colours[row.run.id]
        for index, (name, (score, is_attention)) in enumerate(row.masses.items()):
            height = place + SPREAD * ((index + 0.5) / len(row.masses) - 0.5)
            if score.low is not None and score.high is not None:
                axes.plot([score.low, score.high], [height, height], color=colour, linewidth=1, zorder=2)
            fill = colour if is_attention else "white"
            axes.plot([score.value], [height], **_marker_style(markers[name], colour, fill), zorder=3)
        if place:
            axes.axhline(place - 0.5, color="0.9", linewidth=0.5, zorder=0)


def _marker_style(marker: str, edge: str, fill: str) -> dict[str, Any]:
    return {
        "linestyle": "",
        "marker": marker,
        "markersize": 4,
        "markeredgewidth": 0.8,
        "markeredgecolor": edge,
        "markerfacecolor": fill,
    }


def _handles(markers: Mapping[str, str]) -> list[Line2D | Patch]:
    maps = [Line2D([], [], label=name, **_marker_style(marker, GREY, GREY)) for name, marker in markers.items()]
    return [
        *maps,
        Patch(facecolor=GREY, edgecolor=GREY, label="attention"),
        Patch(facecolor="white", edgecolor=GREY, label="plain features"),
        Line2D([], [], label="uniform", color=GREY, linewidth=0.8, linestyle=(0, (4, 2))),
    ]
