"""How figures look: print size, one colour a method, line styles that survive a grey printer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from ugbench import registry
from ugbench.train.run import Run

WIDTH = 7.0  # inches: the text of a page

# Okabe and Ito's colours, told apart by colour-blind readers; yellow last, since it is faint on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
DASHES = (
    "-",
    (0, (4, 1.2)),
    (0, (1, 1)),
    (0, (5, 1, 1, 1)),
    (0, (8, 2)),
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (2, 1)),
    (0, (1, 2.5)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
SETTINGS = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.1,
}


@contextmanager
def settings() -> Iterator[None]:
    """Matplotlib's settings while a figure is drawn, put back afterwards; no matplotlibrc has a say."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def blank(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure in inches that pyplot knows nothing of."""
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def step_axis(panel: Axes) -> None:
    """Few ticks along the steps, written 10k rather than 10000."""
    panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))


def shades(count: int, dark: bool = False) -> list[str]:
    """So many colours of rising lightness, as #rrggbb, all of them seen on white or, where `dark`, on black."""
    first, last = (0.3, 1.0) if dark else (0.0, 0.85)
    places = np.linspace(first, last, max(count, 2))[:count]
    return [to_hex(colour) for colour in colormaps["viridis"](places)]


def lines(runs: Iterable[Run]) -> dict[str, Mapping[str, Any]]:
    """`color` and `linestyle` by run label (method and variant), sorted by method, base before variants.

    A method's colour is its place among all methods, known or drawn, so it is the same in every figure. Its
    variants share it, but in a figure of one method alone they have colours of their own. No two labels of a
    figure share a line style before there are nine.
    """
    kinds = sorted({(run.config.method, run.config.variant or "", run.config.label) for run in runs})
    methods = sorted({*registry.modules("methods"), *(method for method, _, _ in kinds)})
    alone = len({method for method, _, _ in kinds}) == 1
    found: dict[str, Mapping[str, Any]] = {}
    for place, (method, _, label) in enumerate(kinds):
        colour = methods.index(method) + (place if alone else 0)
        found[label] = {
            "color": PALETTE[colour % len(PALETTE)],
            "linestyle": DASHES[place % len(DASHES)],
        }
    return found
