"""The share of instance norm, rho, of every layer over training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from ugbench.figures import _style
from ugbench.figures._context import FigureContext, runs_with_rho

TITLE = "rho (the share of instance norm) of every layer over training"

COLUMNS = 4  # most panels side by side
USUAL, LEAST, ASIDE = 1.7, 0.85, 0.3  # inches: a panel's height, and what is below


def draw(context: FigureContext) -> Figure:
    """A row of panels a run, a panel a network, a line a layer, darker the nearer to the input.

    Where the page is too low for that, two runs stand side by side.

    The axis is always 0 to 1: how far rho moved, and how little, is the point.

    Raises:
        UsageError: no runs, none that has logged a rho, or more than fit on a page.
        RunError: a line of a metrics.jsonl is damaged.
    """
    found = {label: networks for label, (_, networks) in runs_with_rho(context).items()}
    names = list(dict.fromkeys(name for networks in found.values() for name in networks))
    layers = list(dict.fromkeys(layer for networks in found.values() for own in networks.values() for layer in own))
    looks = _looks(layers)
    beside = 2 if len(found) * USUAL + ASIDE > _style.HEIGHT and 2 * len(names) <= COLUMNS else 1
    width = (_style.WIDTH - 0.5 - _style.HANDLE - _style.LETTER * max(map(len, layers))) / (beside * len(names))
    titles = {
        (label, name): _style.in_lines(f"{label}\n{name}" if beside > 1 else f"{label} {name}", width)
        for label, networks in found.items()
        for name in networks
    }
    rows, mend = math.ceil(len(found) / beside), "draw fewer: --run RUN for each"
    least = LEAST + _style.LINE * max(title.count("\n") for title in titles.values())
    height = _style.height_of(rows, USUAL, least, ASIDE, f"rho of {len(found)} runs", mend)
    with _style.settings():
        figure = _style.blank(_style.WIDTH, height)
        panels = figure.subplots(rows, beside * len(names), sharey=True, squeeze=False)
        for first in panels[:, 0]:
            first.set_ylabel("rho")
        handles, places = {}, panels.reshape(-1, len(names))
        for unused in places[len(found) :].flat:
            unused.remove()
        for row, (label, networks) in zip(places, found.items(), strict=False):
            for panel, name in zip(row, names, strict=True):
                if name not in networks:
                    panel.set_axis_off()
                    continue
                panel.set_title(titles[label, name], loc="left")
                panel.set_ylim(-0.02, 1.02)
                _style.step_axis(panel)
                for layer, curve in networks[name].items():
                    (handles[layer],) = panel.plot(curve.steps, curve.values, **looks[layer])
        figure.supxlabel("step", fontsize=7)
        shown = [layer for layer in layers if layer in handles]
        figure.legend([handles[layer] for layer in shown], shown, loc="outside right upper", handlelength=3)
    return figure


def _looks(layers: Sequence[str]) -> dict[str, dict[str, object]]:
    """Colours whose lightness rises with depth, for grey printers, and dashes that tell neighbours apart."""
    shades = _style.shades(len(layers))
    return {
        layer: {"color": shades[place], "linestyle": _style.DASHES[place % 4]} for place, layer in enumerate(layers)
    }
