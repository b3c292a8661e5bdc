"""Scores of kept checkpoints against the steps that they were trained for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ugbench import registry
from ugbench.errors import UsageError
from ugbench.figures import _style
from ugbench.figures._context import FigureContext
from ugbench.runs.folder import reference_scores_file
from ugbench.runs.run import Run
from ugbench.scoring import record
from ugbench.scoring.record import ScoreRecord
from ugbench.tables import notes
from ugbench.tables.records import Measured, over_steps

TITLE = "scores of kept checkpoints against training steps"

COLUMNS = 4  # most panels side by side
USUAL, LEAST = 1.7, 0.95  # inches: a panel's height
FLOOR_AND_CEILING: Mapping[str, Mapping[str, Any]] = {
    "identity": {"color": "0.55", "linewidth": 0.8, "linestyle": "-"},
    "real": {"color": "0.55", "linewidth": 0.8, "linestyle": (0, (1, 1))},
}
BANDS = "bands: lowest to highest seed; of one seed the 95 % interval over images, where there is one"


@dataclass(frozen=True)
class Arm:
    """Runs that differ in their seeds alone; a line."""

    label: str
    runs: Sequence[Run]


def draw(context: FigureContext) -> Figure:
    """A row of panels a metric and protocol, a column a direction, a line a method and variant.

    Where the page is too low for that, two or four of these rows stand side by side.

    A line is the mean over seeds, at the steps at which every seed was scored. `identity` (sources untouched) and
    `real` (train against test images of the target) are horizontal where they have that protocol's score.

    Raises:
        UsageError: no runs, runs of several data sets, none with scores at two steps, or more than fit on a page.
        UnknownName: a metric that is asked for is none.
        RunError: a line of a scores.jsonl is no record.
    """
    runs = context.chosen_of_one_dataset()
    scores = {run.path: over_steps(record.read(run.scores_file)) for run in runs}
    panels = [
        panel
        for panel in dict.fromkeys(panel for own in scores.values() for panel in own)
        if context.direction in (None, panel.direction) and any(len(own.get(panel, {})) > 1 for own in scores.values())
    ]
    if not panels:
        raise UsageError(
            f"no run under {context.results} has scores at two steps; train with --keep all, then "
            "`ugbench eval --checkpoints all`."
        )
    panels = _asked(panels, context.metrics)
    runs = [run for run in runs if any(panel in scores[run.path] for panel in panels)]
    aside = {panel: own for panel in panels if (own := _aside(runs[0], panel))}
    arms = _arms(runs)
    looks = _looks(arms, _style.lines(runs))
    rows = list(dict.fromkeys((panel.metric, panel.protocol_id) for panel in panels))
    directions = sorted({panel.direction for panel in panels})
    several = Counter(name for name, _ in rows)
    handles = _handles(arms, looks, aside)
    width = _style.WIDTH * (0.55 if len(directions) == 1 else 1)
    entries, room = _style.legend_size([str(handle.get_label()) for handle in handles], width)
    room += 0.4
    beside = 1
    while len(rows) * USUAL / beside + room > _style.HEIGHT and 2 * beside * len(directions) <= COLUMNS:
        beside *= 2
    width = _style.WIDTH if beside > 1 else width
    lines, columns = math.ceil(len(rows) / beside), beside * len(directions)
    mend = "draw one direction: --direction A2B" if len(directions) > 1 else "draw fewer runs: --run RUN for each"
    height = _style.height_of(lines, USUAL, LEAST, room, f"{len(panels)} panels of scores", mend)
    with _style.settings():
        figure = _style.blank(width, height)
        grid = figure.subplots(lines, columns, squeeze=False).reshape(-1, len(directions))
        for unused in grid[len(rows) :].flat:
            unused.remove()
        for row, (name, protocol_id) in zip(grid, rows, strict=False):
            for axes, direction in zip(row, directions, strict=True):
                panel = Measured(name, protocol_id, direction)
                if panel not in panels:
                    axes.set_axis_off()
                    continue
                records = [own[panel] for own in scores.values() if panel in own]
                first = next(iter(records[0].values()))
                axes.set_title(_heading(first, several[name] > 1), loc="left")
                _style.step_axis(axes, sorted({step for own in records for step in own}))
                for arm in arms:
                    seeds = [scores[run.path][panel] for run in arm.runs if panel in scores[run.path]]
                    if seeds:
                        _draw_arm(axes, seeds, registry.load_metric(name).scale, looks[arm.label])
                for who, value in aside.get(panel, {}).items():
                    axes.axhline(value * registry.load_metric(name).scale, zorder=1, **FLOOR_AND_CEILING[who])
        shown = [one for own in scores.values() for panel in panels for one in own.get(panel, {}).values()]
        untrained = [] if all(one.comparable for one in shown) else [notes.NOT_COMPARABLE]
        figure.supxlabel(_style.in_lines("\n".join([f"step ({BANDS})", *untrained]), width), fontsize=6)
        figure.legend(handles=handles, loc="outside upper left", ncols=entries, handlelength=3.5)
    return figure


def _asked(panels: Sequence[Measured], metrics: Sequence[str]) -> list[Measured]:
    """The panels of these metrics, in their order; all where none is named."""
    if not metrics:
        return list(panels)
    for name in metrics:
        registry.load_metric(name)  # raises where there is no such metric
    found = [panel for name in metrics for panel in panels if panel.metric == name]
    if not found:
        there = ", ".join(dict.fromkeys(panel.metric for panel in panels))
        raise UsageError(f"--metric {','.join(metrics)}: no scores of it at two steps, only of {there}.")
    return found


def _aside(run: Run, panel: Measured) -> dict[str, float]:
    """The values of `identity` and `real` under a panel's protocol, for the data set of a run."""
    found = {}
    for who in FLOOR_AND_CEILING:
        for one in record.read(reference_scores_file(run.dataset_folder, who)):
            if Measured(one.metric, one.protocol_id, one.direction) == panel:
                found[who] = one.value
    return found


def _arms(runs: Sequence[Run]) -> list[Arm]:
    """Runs by all that decides their numbers but the seed; an id beside a label that several have."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.config.model_copy(update={"seed": None}).id, []).append(run)
    labels = Counter(own[0].config.label for own in groups.values())
    named = {own[0].config.label: own for own in groups.values() if labels[own[0].config.label] == 1}
    named |= {f"{own[0].config.label} {own[0].id}": own for own in groups.values() if labels[own[0].config.label] > 1}
    return [Arm(label, named[label]) for label in sorted(named)]


def _looks(arms: Sequence[Arm], lines: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each arm by its label; arms of one method and variant differ in how their markers are filled."""
    labels = [arm.runs[0].config.label for arm in arms]
    return {
        arm.label: {**lines[label], "markersize": 3.5, **filling}
        for arm, label, filling in zip(arms, labels, _style.fillings(labels), strict=True)
    }


def _heading(one: ScoreRecord, says_protocol: bool) -> str:
    title = f"{registry.load_metric(one.metric).title}{'' if one.comparable else ' †'}, {one.direction}"
    if not says_protocol:
        return title
    extractor = one.protocol.get("extractor")
    network = f"{extractor['name']}, " if extractor else ""
    return f"{title}\n{network}protocol {one.protocol['name']} {one.protocol_id}"


def _draw_arm(axes: Axes, seeds: Sequence[Mapping[int, ScoreRecord]], scale: float, look: Mapping[str, Any]) -> None:
    steps = sorted(set.intersection(*(set(own) for own in seeds)))
    if not steps:
        return
    values = scale * np.array([[own[step].value for step in steps] for own in seeds])
    axes.plot(steps, values.mean(0), zorder=3, **look)
    if len(seeds) > 1:
        low, high = values.min(0), values.max(0)
    else:
        bounds = [(seeds[0][step].low, seeds[0][step].high) for step in steps]
        low, high = scale * np.array([(np.nan, np.nan) if None in pair else pair for pair in bounds], dtype=float).T
    axes.fill_between(steps, low, high, color=look["color"], alpha=0.2, linewidth=0)


def _handles(
    arms: Sequence[Arm], looks: Mapping[str, Mapping[str, Any]], aside: Mapping[Measured, Mapping[str, float]]
) -> list[Line2D]:
    names = [f"{arm.label} ({len(arm.runs)} seeds)" if len(arm.runs) > 1 else arm.label for arm in arms]
    handles = [Line2D([], [], **looks[arm.label], label=name) for arm, name in zip(arms, names, strict=True)]
    there = {who for own in aside.values() for who in own}
    return handles + [Line2D([], [], label=who, **look) for who, look in FLOOR_AND_CEILING.items() if who in there]
