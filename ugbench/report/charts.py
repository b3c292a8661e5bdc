"""Charts of the report: the panels that the figures draw, each as SVG, with its description in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ugbench.figures import _panels, _style
from ugbench.figures._curves import loss_terms, rho_by_network, short_term
from ugbench.figures.scores import make_panels
from ugbench.report.svg import svg_of
from ugbench.runs.run import Run
from ugbench.runs.training_log import Curve
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.contents import CurrentImages, of_current_images
from ugbench.tables.records import over_steps

WIDTH, HEIGHT = 2.5, 1.25  # inches: of a chart
SWATCH = (0.5, 0.11)  # inches: width and height of a line's swatch
POINTS = 100  # most points of a line
LETTERS = 34  # letters that fit over a chart


@dataclass(frozen=True)
class Chart:
    """A drawing; `title` is short enough to fit over it."""

    title: str
    full_title: str
    svg: Markup


def loss_charts(logs: Mapping[str, Mapping[str, Curve]], styles: Mapping[str, _panels.Style]) -> list[Chart]:
    """One chart per loss term, one line per run that has it.

    Args:
        logs: curves by the label of the run, then by key.
        styles: by the label of the run.
    """
    charts = []
    for term in loss_terms(logs.values()):
        curves = [(label, of_run[term], styles[label]) for label, of_run in logs.items() if term in of_run]
        charts.append(_chart(term, partial(_panels.losses, curves=curves, points=POINTS)))
    return charts


def rho_charts(logs: Mapping[str, Mapping[str, Curve]]) -> list[tuple[str, list[Chart]]]:
    """For each run that logs rho one chart per network, with one line per layer.

    Args:
        logs: curves by the label of the run, then by key.
    """
    networks_by_run = {label: networks for label, curves in logs.items() if (networks := rho_by_network(curves))}
    styles = _panels.layer_styles(rho_layers(logs))
    return [
        (
            label,
            [
                _chart(network or "rho", partial(_panels.rho, layers=layers, styles=styles, points=POINTS))
                for network, layers in networks.items()
            ],
        )
        for label, networks in networks_by_run.items()
    ]


def rho_layers(logs: Mapping[str, Mapping[str, Curve]]) -> list[str]:
    """The layers that have a rho in any run, from the input to the output."""
    networks = [layers for curves in logs.values() for layers in rho_by_network(curves).values()]
    return list(dict.fromkeys(layer for layers in networks for layer in layers))


def score_charts(runs: Sequence[Run], records: Iterable[ScoreRecord], current: CurrentImages) -> list[Chart]:
    """One chart per metric, protocol and direction in which a run has scores at several steps, as in `figures.scores`.

    Args:
        runs: of one data set.
        records: oldest first; where a step has several records, the newest counts.
        current: the content of the current test images. Where some run has scores of them, scores of earlier images are
            left out.
    """
    by_run: dict[str, list[ScoreRecord]] = {run.id: [] for run in runs}
    for score in records:
        if score.run in by_run and np.isfinite(score.value):
            by_run[score.run].append(score)
    shown = of_current_images(by_run, current)
    panels = make_panels(runs, {run.path: over_steps(shown[run.id]) for run in runs})
    panels.sort(key=lambda panel: panel.measured.direction)
    return [_chart(panel.title.replace("\n", ", "), panel.draw) for panel in panels]


def swatch(style: _panels.Style) -> Markup:
    """A short piece of a line, with its marker."""
    with _style.settings():
        figure = _style.blank(*SWATCH, layout=None)
        figure.add_artist(Line2D([0, 0.5, 1], [0.5] * 3, markevery=[1], markersize=_panels.SCORE_SIZE, **style))
        return svg_of(figure)


def _chart(title: str, draw: Callable[[Axes], Sequence[Line2D]]) -> Chart:
    with _style.settings():
        figure = _style.blank(WIDTH, HEIGHT)
        lines = {line: str(line.get_label()) for line in draw(figure.subplots())}
        ends = [f"{label} {value:.3g}" for line, label in lines.items() if (value := _end(line)) is not None]
        description = f"{title} over steps; at the end: {', '.join(ends)}"
        return Chart(short_term(title, LETTERS), title, svg_of(figure, description, lines))


def _end(line: Line2D) -> float | None:
    """The last finite value of a line; None where it has none."""
    values = np.asarray(line.get_ydata(), dtype=np.float64)
    finite = values[np.isfinite(values)]
    return float(finite[-1]) if len(finite) else None
