"""Scores of checkpoints over training steps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ugbench import registry
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.figures import _panels, _style
from ugbench.figures._context import FigureContext
from ugbench.runs.configurations import run_labels
from ugbench.runs.dataset_file import current_images
from ugbench.runs.folder import reference_scores_file
from ugbench.runs.run import Run
from ugbench.scoring.record import ScoreRecord, read
from ugbench.tables import mark_notes, notes
from ugbench.tables.contents import of_current_images
from ugbench.tables.records import Measured, over_steps

TITLE = "scores of checkpoints over training steps"

COLUMNS = 4  # most panels side by side
ROW = _style.RowHeight(usual=1.7, least=0.95)
FLOOR_AND_CEILING: Mapping[str, Mapping[str, Any]] = {
    "identity": {"color": "0.55", "linewidth": 0.8, "linestyle": "-"},
    "real": {"color": "0.55", "linewidth": 0.8, "linestyle": (0, (1, 1))},
}
EARLIER = "runs not shown, scored with earlier test images alone: {runs}; `ugbench eval` scores them again"
BANDS = "bands: lowest to highest seed; of one seed the 95 % interval over images, where there is one"


@dataclass(frozen=True)
class ScorePanel:
    """What one panel shows: one metric under one protocol in one direction.

    Attributes:
        title: metric and direction; also the protocol where the metric has several.
        lines: one per configuration, sorted by label.
        scale: the factor by which values are multiplied.
        levels: scores of `identity` and `real` under the same protocol, as far as there are any; not scaled.
    """

    measured: Measured
    title: str
    lines: Sequence[_panels.ScoreLine]
    scale: float
    levels: Mapping[str, float]

    def draw(self, axes: Axes) -> list[Line2D]:
        """Draw the panel without its title; returns one line per configuration with scores."""
        levels = [(value, FLOOR_AND_CEILING[subject]) for subject, value in self.levels.items()]
        return _panels.scores(axes, self.lines, self.scale, levels)


def draw(context: FigureContext) -> Figure:
    """One row of panels per metric and protocol, one column per direction, one line per configuration.

    Where the page is too low for that, two or four of these rows stand side by side. A line is the mean over seeds, at
    the steps at which every seed has a score. Where some run was scored with the current test images, scores of
    earlier images are not drawn. `identity` (untouched sources) and `real` (train against test images of
    the target domain) are horizontal lines where they have a score under the same protocol.

    Raises:
        UsageError: no runs, runs of several data sets, no scores at two steps, or more panels than fit on a page.
        UnknownName: a requested metric does not exist.
        RunError: a line of a scores.jsonl is not a score record.
    """
    runs = context.selected_runs_of_one_dataset()
    records = {run.path: list(read(run.scores_file)) for run in runs}
    of_current = of_current_images(records, current_images(context.results))
    earlier = sum(1 for path, of_run in records.items() if of_run and not of_current[path])
    scores = {path: over_steps(of_run) for path, of_run in of_current.items()}
    chosen = _select(_panels_with_two_steps(context, scores.values()), context.metrics)
    runs = [run for run in runs if any(measured in scores[run.path] for measured in chosen)]
    panels = {panel.measured: panel for panel in make_panels(runs, scores, chosen)}
    rows = list(dict.fromkeys((measured.metric, measured.protocol_id) for measured in panels))
    directions = sorted({measured.direction for measured in panels})
    level_names = {name for panel in panels.values() for name in panel.levels}
    width = _style.WIDTH * (0.55 if len(directions) == 1 else 1)
    legend = {
        _style.fitting(title, width): {**style, "markersize": _panels.SCORE_SIZE} for title, style in _legend(runs)
    }
    legend |= {name: dict(style) for name, style in FLOOR_AND_CEILING.items() if name in level_names}
    handles = [Line2D([], [], label=label, **style) for label, style in legend.items()]
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
        for unused in grid[len(rows) :].flat:
            unused.remove()
        for row_axes, (name, protocol_id) in zip(grid, rows, strict=False):
            for axes, direction in zip(row_axes, directions, strict=True):
                if (panel := panels.get(Measured(name, protocol_id, direction))) is None:
                    axes.set_axis_off()
                    continue
                axes.set_title(panel.title, loc="left")
                panel.draw(axes)
        score_lines = [line for panel in panels.values() for line in panel.lines]
        shown = [score for line in score_lines for by_step in line.seeds for score in by_step.values()]
        sentences = [] if all(score.comparable for score in shown) else [mark_notes.NOT_COMPARABLE]
        sentences += [EARLIER.format(runs=earlier)] if earlier else []
        below = "\n".join([f"step ({BANDS})", *sentences, *notes.style_notes(shown)])
        figure.supxlabel(_style.wrap(below, width), fontsize=6)
        figure.legend(handles=handles, loc="outside upper left", ncols=legend_size.columns, handlelength=3.5)
    return figure


Scores = Mapping[Measured, Mapping[int, ScoreRecord]]
"""The score records of one run by what was measured, then by step."""


def make_panels(
    runs: Sequence[Run], scores: Mapping[Path, Scores], chosen: Sequence[Measured] | None = None
) -> list[ScorePanel]:
    """The panels of runs of one data set.

    Args:
        scores: by the path of the run.
        chosen: what to show; None for everything of which some run has scores at two steps.
    """
    chosen = _with_two_steps(scores.values()) if chosen is None else chosen
    protocols = Counter(name for name, _ in {(measured.metric, measured.protocol_id) for measured in chosen})
    labels, styles = run_labels(runs), _style.line_styles(runs)
    panels = []
    for measured in chosen:
        by_label: dict[str, list[Mapping[int, ScoreRecord]]] = {}
        for run in runs:
            if measured in scores[run.path]:
                by_label.setdefault(labels[run.id], []).append(scores[run.path][measured])
        any_score = next(iter(next(iter(by_label.values()))[0].values()))
        panels.append(
            ScorePanel(
                measured,
                _heading(any_score, with_protocol=protocols[measured.metric] > 1),
                [_panels.ScoreLine(label, seeds, styles[label]) for label, seeds in sorted(by_label.items())],
                _metric_scale(measured.metric),
                _floor_and_ceiling(runs[0], measured),
            )
        )
    return panels


def _with_two_steps(scores: Collection[Scores], direction: Direction | None = None) -> list[Measured]:
    """Everything of which some run has scores at two steps, in this direction; None for both directions."""
    return [
        measured
        for measured in dict.fromkeys(measured for of_run in scores for measured in of_run)
        if direction in (None, measured.direction) and any(len(of_run.get(measured, {})) > 1 for of_run in scores)
    ]


def _legend(runs: Sequence[Run]) -> list[tuple[str, Mapping[str, Any]]]:
    """The label of each configuration, with the number of seeds where there are several, and its style."""
    labels, styles = run_labels(runs), _style.line_styles(runs)
    seeds: dict[str, set[int | None]] = {}
    for run in runs:
        seeds.setdefault(labels[run.id], set()).add(run.config.seed)
    return [
        (f"{label} ({len(of_label)} seeds)" if len(of_label) > 1 else label, styles[label])
        for label, of_label in sorted(seeds.items())
    ]


def _panels_with_two_steps(context: FigureContext, scores: Collection[Scores]) -> list[Measured]:
    """What to draw: everything of which some run has scores at two steps, in the direction of the context.

    Raises:
        UsageError: there is nothing.
    """
    panels = _with_two_steps(scores, context.direction)
    if not panels:
        raise UsageError(
            f"no run under {context.results} has scores at two steps; train with --eval-every N, or "
            "with --keep all and then `ugbench eval --checkpoints all`."
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


def _metric_scale(name: str) -> float:
    """The factor by which values of a metric are multiplied; 1 for a metric that is no longer installed."""
    return float(registry.load_metric(name).scale) if name in registry.modules("metrics") else 1.0


def _heading(score: ScoreRecord, with_protocol: bool) -> str:
    name = registry.load_metric(score.metric).title if score.metric in registry.modules("metrics") else score.metric
    title = f"{name}{'' if score.comparable else ' †'}, {score.direction}"
    if not with_protocol:
        return title
    extractor = score.protocol.get("extractor")
    network = f"{extractor['name']}, " if extractor else ""
    return f"{title}\n{network}protocol {score.protocol.get('name')} {score.protocol_id}"
