"""rho, the share of instance norm, of every layer at the end of training."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ugbench.figures import _style, _text
from ugbench.figures._context import FigureContext, read_rho_logs
from ugbench.runs.configurations import run_labels

TITLE = "rho (the share of instance norm) of every layer at the last logged step"

FIRST = "first logged"
LETTERS = 28  # most letters of a layer's name
SPREAD = 0.5  # share of a layer's width over which the runs stand side by side


def draw(context: FigureContext) -> Figure:
    """One panel per network, one place per layer from input to output, one marker per run; a dash is the first value.

    Runs of one method and variant differ in the fill of their markers. The axis always goes from 0 to 1, so that it
    shows how far rho has moved.

    Raises:
        UsageError: no runs, or no logged rho.
        RunError: a line of a metrics.jsonl is damaged.
    """
    logs = read_rho_logs(context)
    networks = list(dict.fromkeys(network for log in logs for network in log.networks))
    runs = [log.run for log in logs]
    labels, styles = run_labels(runs), _style.line_styles(runs)
    first_style: dict[str, Any] = {"linestyle": "", "marker": "_", "color": "0.4"}
    handles = []
    with _style.settings():
        legend = [_style.fitting(log.label, _style.WIDTH) for log in logs]
        legend_size = _style.legend_size([*legend, FIRST], _style.WIDTH)
        figure = _style.blank(_style.WIDTH, 2.6 + legend_size.height)
        panels = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
        panels[0].set_ylim(-0.04, 1.04)
        panels[0].set_ylabel("rho")
        layers = {
            network: list(dict.fromkeys(layer for log in logs for layer in log.networks.get(network, {})))
            for network in networks
        }
        width = (_style.WIDTH - 0.5) / len(networks)
        for panel, network in zip(panels, networks, strict=True):
            panel.set_title(_style.wrap(network, width), loc="left")
            names = [_text.shortened(layer, LETTERS) for layer in layers[network]]
            panel.set_xticks(range(len(names)), names, rotation=90)
            panel.set_xlim(-0.5, len(layers[network]) - 0.5)
            for edge in range(1, len(layers[network])):
                panel.axvline(edge - 0.5, color="0.9", linewidth=0.5, zorder=0)
        offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(logs)) if len(logs) > 1 else [0.0]
        fills = _style.marker_fills(labels[log.run.id] for log in logs)
        for offset, fill, log, label in zip(offsets, fills, logs, legend, strict=True):
            style = {**styles[labels[log.run.id]], "linestyle": "", **fill}
            for panel, network in zip(panels, networks, strict=True):
                curves = log.networks.get(network, {})
                places = [place + offset for place, layer in enumerate(layers[network]) if layer in curves]
                values = [curves[layer].values for layer in layers[network] if layer in curves]
                panel.plot(places, [logged[0] for logged in values], markersize=6, zorder=2, **first_style)
                panel.plot(places, [logged[-1] for logged in values], markersize=3.5, zorder=3, **style)
            handles.append(Line2D([], [], markersize=4, label=label, **style))
        handles.append(Line2D([], [], markersize=6, label=FIRST, **first_style))
        figure.legend(handles=handles, loc="outside upper left", ncols=legend_size.columns)
    return figure
