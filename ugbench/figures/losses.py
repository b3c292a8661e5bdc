"""Every loss term over training: one panel per term, with all runs in each panel."""

from __future__ import annotations

import math
from collections import Counter

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ugbench.errors import UsageError
from ugbench.figures import _panels, _style
from ugbench.figures._context import FigureContext
from ugbench.figures._curves import loss_terms, short_term
from ugbench.runs.configurations import run_labels
from ugbench.runs.training_log import read_curves

TITLE = "loss terms over training: running means, and faintly the logged values"

COLUMNS = 4
ROW = _style.RowHeight(usual=1.35, least=0.8)
LETTERS = 26  # letters that fit over a panel


def draw(context: FigureContext) -> Figure:
    """One panel per loss term (`<phase>/<term>`), one line per run.

    Dark lines are running means over a twentieth of the logged points, faint lines are the points. Seeds of one
    configuration look alike. Values that were not finite are gaps.

    Raises:
        UsageError: no runs, runs of several data sets, no logged loss, or more terms than fit on a page.
        RunError: a line of a metrics.jsonl is damaged.
    """
    runs = context.selected_runs_of_one_dataset()
    logs = {run.path: read_curves(run) for run in runs}
    terms = loss_terms(logs.values())
    if not terms:
        raise UsageError(f"no run under {context.results} has logged a loss yet; train on and draw again.")
    styles = _style.line_styles(runs)
    columns = min(COLUMNS, len(terms))
    rows = math.ceil(len(terms) / columns)
    labels = run_labels(runs)
    seeds = Counter(label for label, _ in {(labels[run.id], run.config.seed) for run in runs})
    width = _style.WIDTH * max(columns, 2) / COLUMNS
    titles = {label: label + (f" ({seeds[label]} seeds)" if seeds[label] > 1 else "") for label in styles}
    legend = {label: _style.fitting(title, width) for label, title in titles.items()}
    legend_size = _style.legend_size(list(legend.values()), width)
    margin, fix = 0.3 + legend_size.height, "draw fewer methods: --run RUN for each"
    height = _style.figure_height(rows, ROW, margin, f"{len(terms)} loss terms", fix)
    with _style.settings():
        figure = _style.blank(width, height)
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for term, panel in zip(terms, panels, strict=False):
            panel.set_title(short_term(term, LETTERS), loc="left")
            curves = [
                (labels[run.id], logs[run.path][term], styles[labels[run.id]]) for run in runs if term in logs[run.path]
            ]
            _panels.losses(panel, curves)
        for panel in panels[len(terms) :]:
            panel.remove()
        figure.supxlabel("step", fontsize=7)
        handles = [
            Line2D([], [], **style, markersize=_panels.SIZE, label=legend[label]) for label, style in styles.items()
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=legend_size.columns, handlelength=3.5)
    return figure
