"""The share of instance norm, rho, that each layer ended with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ugbench.figures import _style
from ugbench.figures._context import FigureContext, runs_with_rho
from ugbench.runs.training_log import Curve

TITLE = "rho (the share of instance norm) of every layer at the last logged step"

FIRST = "first logged"
SPREAD = 0.5  # of the room of a layer, over which its runs stand side by side


def draw(context: FigureContext) -> Figure:
    """A panel a network, layers from the input to the output, a marker a run; a dash is where it was first logged.

    Runs of one method and variant differ in how their markers are filled.

    The axis is always 0 to 1: how far rho moved, and how little, is the point.

    Raises:
        UsageError: no runs, or none that has logged a rho.
        RunError: a line of a metrics.jsonl is damaged.
    """
    found = runs_with_rho(context)
    names = list(dict.fromkeys(name for _, own in found.values() for name in own))
    lines = _style.lines([run for run, _ in found.values()])
    handles = []
    with _style.settings():
        columns, aside = _style.legend_size([*found, FIRST], _style.WIDTH)
        figure = _style.blank(_style.WIDTH, 2.6 + aside)
        panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        panels[0].set_ylim(-0.04, 1.04)
        panels[0].set_ylabel("rho")
        layers = {
            name: list(dict.fromkeys(layer for _, own in found.values() for layer in own.get(name, {})))
            for name in names
        }
        for panel, name in zip(panels, names, strict=True):
            panel.set_title(name, loc="left")
            panel.set_xticks(range(len(layers[name])), layers[name], rotation=90)
            panel.set_xlim(-0.5, len(layers[name]) - 0.5)
            for edge in range(1, len(layers[name])):
                panel.axvline(edge - 0.5, color="0.9", linewidth=0.5, zorder=0)
        offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(found)) if len(found) > 1 else [0.0]
        fillings = _style.fillings(run.config.label for run, _ in found.values())
        for offset, filling, (label, (run, own)) in zip(offsets, fillings, found.items(), strict=True):
            look = {**lines[run.config.label], "linestyle": "", **filling}
            for panel, name in zip(panels, names, strict=True):
                places, first, last = _ends(layers[name], own.get(name, {}))
                panel.plot(places + offset, first, linestyle="", marker="_", color="0.4", markersize=6, zorder=2)
                panel.plot(places + offset, last, markersize=3.5, zorder=3, **look)
            handles.append(Line2D([], [], markersize=4, label=label, **look))
        handles.append(Line2D([], [], linestyle="", marker="_", color="0.4", markersize=6, label=FIRST))
        figure.legend(handles=handles, loc="outside upper left", ncols=columns)
    return figure


def _ends(layers: list[str], curves: Mapping[str, Curve]) -> tuple[np.ndarray, list[float], list[float]]:
    """Places of the layers that have a curve, and its first and last value."""
    there = [place for place, layer in enumerate(layers) if layer in curves]
    own = [curves[layers[place]].values for place in there]
    return np.array(there, dtype=float), [float(values[0]) for values in own], [float(values[-1]) for values in own]
