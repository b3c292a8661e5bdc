"""Every loss term over training, a panel a term, all runs in each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ugbench.errors import UsageError
from ugbench.figures import _style
from ugbench.figures._context import FigureContext
from ugbench.figures._curves import WIDE, loss_terms, running_mean, short_term
from ugbench.runs.training_log import Curve, read_curves

TITLE = "loss terms over training: running means, faint as logged"

COLUMNS = 4
USUAL, LEAST = 1.35, 0.8  # inches: a panel's height
LETTERS = 26  # that fit over a panel
MARKS, SIZE = 4, 2.5  # markers along a line, and their size, points


def draw(context: FigureContext) -> Figure:
    """A panel a loss term (`<phase>/<term>`), a line a run.

    Dark lines are running means over a twentieth of the logged points, faint ones the points. Seeds of one
    method and variant look alike; values that were not finite are gaps.

    Raises:
        UsageError: no runs, runs of several data sets, none that has logged a loss, or more terms than fit on a page.
        RunError: a line of a metrics.jsonl is damaged.
    """
    runs = context.chosen_of_one_dataset()
    logged = {run.path: read_curves(run) for run in runs}
    terms = loss_terms(logged.values())
    if not terms:
        raise UsageError(f"no run under {context.results} has logged a loss yet; train on and draw again.")
    styles = _style.lines(runs)
    columns = min(COLUMNS, len(terms))
    rows = math.ceil(len(terms) / columns)
    seeds = Counter(run.config.label for run in runs)
    labels = {label: label + (f" ({seeds[label]} seeds)" if seeds[label] > 1 else "") for label in styles}
    width = _style.WIDTH * max(columns, 2) / COLUMNS
    entries, aside = _style.legend_size(list(labels.values()), width)
    mend = "draw fewer methods: --run RUN for each"
    height = _style.height_of(rows, USUAL, LEAST, 0.3 + aside, f"{len(terms)} loss terms", mend)
    with _style.settings():
        figure = _style.blank(width, height)
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for term, panel in zip(terms, panels, strict=False):
            panel.set_title(short_term(term, LETTERS), loc="left")
            curves = [(logged[run.path][term], styles[run.config.label]) for run in runs if term in logged[run.path]]
            _draw_panel(panel, curves)
        for panel in panels[len(terms) :]:
            panel.remove()
        figure.supxlabel("step", fontsize=7)
        handles = [Line2D([], [], **look, markersize=SIZE, label=labels[label]) for label, look in styles.items()]
        figure.legend(handles=handles, loc="outside upper left", ncols=entries, handlelength=3.5)
    return figure


def _draw_panel(panel: Axes, curves: Sequence[tuple[Curve, Mapping[str, Any]]]) -> None:
    low, high = math.inf, 0.0
    for place, (curve, look) in enumerate(curves):
        mean = running_mean(curve).values
        if np.isfinite(mean).any():
            low, high = min(low, float(np.nanmin(mean))), max(high, float(np.nanmax(mean)))
        panel.plot(curve.steps, curve.values, color=look["color"], linewidth=0.4, alpha=0.25)
        every = max(1, len(mean) // MARKS)
        start = every * place // len(curves)  # the marks of several runs stand between each other
        panel.plot(curve.steps, mean, **look, markersize=SIZE, markevery=(start, every))
    if low > 0 and high > WIDE * low:
        panel.set_yscale("log")
    _style.step_axis(panel)
