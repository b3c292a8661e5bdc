"""rho, the share of instance norm, of every layer over training."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ugbench.figures import _panels, _style, _text
from ugbench.figures._context import FigureContext, read_rho_logs

TITLE = "rho (the share of instance norm) of every layer over training"

COLUMNS = 4  # most panels side by side
ROW = _style.RowHeight(usual=1.7, least=0.85)
MARGIN = 0.3  # inches: below the panels
LETTERS = 28  # most letters of a layer's name


def draw(context: FigureContext) -> Figure:
    """One row of panels per run, one panel per network, one line per layer, darker the nearer it is to the input.

    Where the page is too low for that, two runs stand side by side. The axis always goes from 0 to 1, so that it shows
    how far rho has moved.

    Raises:
        UsageError: no runs, no logged rho, or more runs than fit on a page.
        RunError: a line of a metrics.jsonl is damaged.
    """
    logs = read_rho_logs(context)
    networks = list(dict.fromkeys(network for log in logs for network in log.networks))
    layers = list(dict.fromkeys(layer for log in logs for curves in log.networks.values() for layer in curves))
    styles = _panels.layer_styles(layers)
    runs_per_row = 2 if len(logs) * ROW.usual + MARGIN > _style.HEIGHT and 2 * len(networks) <= COLUMNS else 1
    columns = runs_per_row * len(networks)
    names = {layer: _text.shortened(layer, LETTERS) for layer in layers}
    width = (_style.WIDTH - 0.5 - _style.HANDLE - _style.LETTER * max(map(_text.letters, names.values()))) / columns
    separator = "\n" if runs_per_row > 1 else " "
    titles = {
        (log.label, network): _style.wrap(f"{log.label}{separator}{network}", width)
        for log in logs
        for network in log.networks
    }
    rows, fix = math.ceil(len(logs) / runs_per_row), "draw fewer: --run RUN for each"
    more_lines = max(title.count("\n") for title in titles.values())
    row = _style.RowHeight(ROW.usual, ROW.least + _style.LINE * more_lines)
    height = _style.figure_height(rows, row, MARGIN, f"rho of {len(logs)} runs", fix)
    with _style.settings():
        figure = _style.blank(_style.WIDTH, height)
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for leftmost in panels[:, 0]:
            leftmost.set_ylabel("rho")
        handles: dict[str, Line2D] = {}
        panels_by_run = panels.reshape(-1, len(networks))
        for unused in panels_by_run[len(logs) :].flat:
            unused.remove()
        for run_panels, log in zip(panels_by_run, logs, strict=False):
            for panel, network in zip(run_panels, networks, strict=True):
                if network not in log.networks:
                    panel.set_axis_off()
                    continue
                panel.set_title(titles[log.label, network], loc="left")
                handles |= zip(log.networks[network], _panels.rho(panel, log.networks[network], styles), strict=True)
        figure.supxlabel("step", fontsize=7)
        drawn = [layer for layer in layers if layer in handles]
        figure.legend(
            [handles[layer] for layer in drawn],
            [names[layer] for layer in drawn],
            loc="outside right upper",
            handlelength=3,
        )
    return figure
