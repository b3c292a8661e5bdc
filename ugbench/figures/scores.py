"""Scores of checkpoints over training steps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
from ugbench.runs.configurations import run_labels
from ugbench.runs.folder import reference_scores_file
from ugbench.runs.run import Run
from ugbench.scoring.record import ScoreRecord, read
from ugbench.tables import notes
from ugbench.tables.records import Measured, over_steps

TITLE = "scores of checkpoints over training steps"

COLUMNS = 4  # most panels side by side
ROW = _style.RowHeight(usual=1.7, least=0.95)
FLOOR_AND_CEILING: Mapping[str, Mapping[str, Any]] = {
    "identity": {"color": "0.55", "linewidth": 0.8, "linestyle": "-"},
    "real": {"color": "0.55", "linewidth": 0.8, "linestyle": (0, (1, 1))},
}
BANDS = "bands: lowest to highest seed; of one seed the 95 % interval over images, where there is one"


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one configuration, see `ugbench.runs.configurations`; each panel draws them as one line in `style`."""

    label: str
    runs: Sequence[Run]
    style: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The label, with the number of seeds where there are several."""
        seeds = len({run.config.seed for run in self.runs})
        return f"{self.label} ({seeds} seeds)" if seeds > 1 else self.label


def draw(context: FigureContext) -> Figure:
    """One row of panels per metric and protocol, one column per direction, one line per configuration.

    Where the page is too low for that, two or four of these rows stand side by side. A line is the mean over seeds, at
    the steps at which every seed has a score. `identity` (untouched sources) and `real` (train against test images of
    the target domain) are horizontal lines where they have a score under the same protocol.

    Raises:
        UsageError: no runs, runs of several data sets, no scores at two steps, or more panels than fit on a page.
        UnknownName: a requested metric does not exist.
        RunError: a line of a scores.jsonl is not a score record.
    """
    runs = context.selected_runs_of_one_dataset()
    scores = {run.path: over_steps(read(run.scores_file)) for run in runs}
    panels = _select(_panels_with_two_steps(context, scores.values()), context.metrics)
    runs = [run for run in runs if any(panel in scores[run.path] for panel in panels)]
    levels = {panel: by_subject for panel in panels if (by_subject := _floor_and_ceiling(runs[0], panel))}
    groups = _group_seeds(runs)
    rows = list(dict.fromkeys((panel.metric, panel.protocol_id) for panel in panels))
    directions = sorted({panel.direction for panel in panels})
    protocols = Counter(name for name, _ in rows)
    level_names = {name for by_subject in levels.values() for name in by_subject}
    legend = {group.title: group.style for group in groups}
    legend |= {name: style for name, style in FLOOR_AND_CEILING.items() if name in level_names}
    handles = [Line2D([], [], label=label, **style) for label, style in legend.items()]
    width = _style.WIDTH * (0.55 if len(directions) == 1 else 1)
    legend_size = _style.legend_size(list(legend), width)
    margin = legend_size.height + 0.4
    rows_side_by_side = 1
    while (
        len(rows) * ROW.usual / rows_side_by_side + margin > _style.HEIGHT
        and 2 * rows_side_by_side * len(directions) <= COLUMNS
    ):
        rows_side_by_side *= 2
        width = _style.WIDTH
    lines, columns = math.ceil(len(rows) / rows_side_by_side), rows_side_by_side * len(directions)
    fix = "draw one direction: --direction A2B" if len(directions) > 1 else "draw fewer runs: --run RUN for each"
    height = _style.figure_height(lines, ROW, margin, f"{len(panels)} panels of scores", fix)
    with _style.settings():
        figure = _style.blank(width, height)
        grid = figure.subplots(lines, columns, squeeze=False).reshape(-1, len(directions))
        shown: list[ScoreRecord] = []
        for unused in grid[len(rows) :].flat:
            unused.remove()
        for row_axes, (name, protocol_id) in zip(grid, rows, strict=False):
            for axes, direction in zip(row_axes, directions, strict=True):
                panel = Measured(name, protocol_id, direction)
                if panel not in panels:
                    axes.set_axis_off()
                    continue
                by_run = {path: of_run[panel] for path, of_run in scores.items() if panel in of_run}
                drawn = [score for by_step in by_run.values() for score in by_step.values()]
                shown += drawn
                axes.set_title(_heading(drawn[0], with_protocol=protocols[name] > 1), loc="left")
                _style.set_step_ticks(axes, sorted({step for by_step in by_run.values() for step in by_step}))
                scale = registry.load_metric(name).scale
                for group in groups:
                    seeds = [by_run[run.path] for run in group.runs if run.path in by_run]
                    if seeds:
                        _draw_line(axes, seeds, scale, group.style)
                for subject, value in levels.get(panel, {}).items():
                    axes.axhline(value * scale, zorder=1, **FLOOR_AND_CEILING[subject])
        sentences = [] if all(score.comparable for score in shown) else [notes.NOT_COMPARABLE]
        below = "\n".join([f"step ({BANDS})", *sentences, *notes.style_notes(shown)])
        figure.supxlabel(_style.wrap(below, width), fontsize=6)
        figure.legend(handles=handles, loc="outside upper left", ncols=legend_size.columns, handlelength=3.5)
    return figure


Scores = Mapping[Measured, Mapping[int, ScoreRecord]]
"""The score records of one run by what was measured, then by step."""


def _panels_with_two_steps(context: FigureContext, scores: Collection[Scores]) -> list[Measured]:
    """What to draw: all that some run has scores of at two steps, in the direction of the context.

    Raises:
        UsageError: there is nothing.
    """
    panels = [
        panel
        for panel in dict.fromkeys(panel for panels_of_run in scores for panel in panels_of_run)
        if context.direction in (None, panel.direction)
        and any(len(panels_of_run.get(panel, {})) > 1 for panels_of_run in scores)
    ]
    if not panels:
        raise UsageError(
            f"no run under {context.results} has scores at two steps; train with --keep all, then "
            "`ugbench eval --checkpoints all`."
        )
    return panels


def _select(panels: Sequence[Measured], metrics: Sequence[str]) -> list[Measured]:
    """The panels of these metrics, in the order of the metrics; all panels where no metric is given."""
    if not metrics:
        return list(panels)
    for name in metrics:
        registry.load_metric(name)  # raises UnknownName where there is no such metric
    selected = [panel for name in metrics for panel in panels if panel.metric == name]
    if not selected:
        scored = ", ".join(dict.fromkeys(panel.metric for panel in panels))
        raise UsageError(f"--metric {','.join(metrics)}: no run has scores of it at two steps, only of {scored}.")
    return selected


def _floor_and_ceiling(run: Run, panel: Measured) -> dict[str, float]:
    """The values of `identity` and `real` under the protocol of a panel, for the data set of the run."""
    return {
        subject: score.value
        for subject in FLOOR_AND_CEILING
        for score in read(reference_scores_file(run.dataset_folder, subject))
        if Measured(score.metric, score.protocol_id, score.direction) == panel
    }


def _group_seeds(runs: Sequence[Run]) -> list[SeedGroup]:
    """Runs grouped by configuration, sorted by label."""
    labels, styles = run_labels(runs), _style.line_styles(runs)
    by_label: dict[str, list[Run]] = {}
    for run in runs:
        by_label.setdefault(labels[run.id], []).append(run)
    return [SeedGroup(label, group, {**styles[label], "markersize": 3.5}) for label, group in sorted(by_label.items())]


def _heading(score: ScoreRecord, with_protocol: bool) -> str:
    title = f"{registry.load_metric(score.metric).title}{'' if score.comparable else ' †'}, {score.direction}"
    if not with_protocol:
        return title
    extractor = score.protocol.get("extractor")
    network = f"{extractor['name']}, " if extractor else ""
    return f"{title}\n{network}protocol {score.protocol.get('name')} {score.protocol_id}"


def _draw_line(axes: Axes, seeds: Sequence[Mapping[int, ScoreRecord]], scale: float, style: Mapping[str, Any]) -> None:
    """Draw the mean over seeds at the steps that all have, and the band around it."""
    steps = sorted(set.intersection(*(set(by_step) for by_step in seeds)))
    if not steps:
        return
    values = scale * np.array([[by_step[step].value for step in steps] for by_step in seeds])
    axes.plot(steps, values.mean(0), zorder=3, **style)
    if len(seeds) > 1:
        low, high = values.min(0), values.max(0)
    else:
        bounds = [(seeds[0][step].low, seeds[0][step].high) for step in steps]
        low, high = scale * np.array([(np.nan, np.nan) if None in pair else pair for pair in bounds], dtype=float).T
    axes.fill_between(steps, low, high, color=style["color"], alpha=0.2, linewidth=0)
