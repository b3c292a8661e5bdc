"""rho, the share of instance norm, of every layer over training."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from ugbench.figures import _style
from ugbench.figures._context import FigureContext, read_rho_logs

TITLE = "rho (the share of instance norm) of every layer over training"

COLUMNS = 4  # most panels side by side
ROW = _style.RowHeight(usual=1.7, least=0.85)
MARGIN = 0.3  # inches: below the panels


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
    # Colours get lighter with depth, for grey printers; dashes differ between neighbouring layers.
    styles = {
        layer: {"color": colour, "linestyle": _style.DASHES[depth % 4]}
        for depth, (layer, colour) in enumerate(zip(layers, _style.sequential_colours(len(layers)), strict=True))
    }
    runs_per_row = 2 if len(logs) * ROW.usual + MARGIN > _style.HEIGHT and 2 * len(networks) <= COLUMNS else 1
    columns = runs_per_row * len(networks)
    width = (_style.WIDTH - 0.5 - _style.HANDLE - _style.LETTER * max(map(len, layers))) / columns
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
        handles, panels_by_run = {}, panels.reshape(-1, len(networks))
        for unused in panels_by_run[len(logs) :].flat:
            unused.remove()
        for run_panels, log in zip(panels_by_run, logs, strict=False):
            for panel, network in zip(run_panels, networks, strict=True):
                if network not in log.networks:
                    panel.set_axis_off()
                    continue
                panel.set_title(titles[log.label, network], loc="left")
                panel.set_ylim(-0.02, 1.02)
                _style.set_step_ticks(panel)
                for layer, curve in log.networks[network].items():
                    (handles[layer],) = panel.plot(curve.steps, curve.values, **styles[layer])
        figure.supxlabel("step", fontsize=7)
        drawn = [layer for layer in layers if layer in handles]
        figure.legend([handles[layer] for layer in drawn], drawn, loc="outside right upper", handlelength=3)
    return figure
