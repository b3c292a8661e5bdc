"""How figures look: print size, one colour a method, dashes and markers that survive a grey printer."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, MaxNLocator

from ugbench import registry
from ugbench.errors import UsageError
from ugbench.runs.run import Run, RunConfig, label_of, list_runs

WIDTH, HEIGHT = 7.0, 9.0  # inches: the text of a page
LINE, HANDLE = 0.14, 0.62  # inches: of a legend, a line and what stands beside a label
LETTER = 0.05  # inches: of a letter, on average

# Okabe and Ito's colours, told apart by colour-blind readers; yellow last, since it is faint on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
SHADES = 3  # of a colour: itself, a darker and a lighter one
DASHES = (
    "-",
    (0, (4, 1.2)),
    (0, (5, 1, 1, 1)),
    (0, (1, 1)),
    (0, (8, 2)),
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (2, 1)),
    (0, (1, 2.5)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "d", "p")
TICKS = 5
FILLS = ("full", "none", "left", "top", "right", "bottom")
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
    """An empty figure in inches that pyplot knows nothing of.

    Raises:
        UsageError: it is higher than a page.
    """
    if height > HEIGHT + 1e-6:
        raise UsageError(
            f"this figure would be {height:.1f} inches high, a page has {HEIGHT:g}; draw fewer runs (--run) or one "
            "direction (--direction)."
        )
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def height_of(rows: int, usual: float, least: float, aside: float, what: str, mend: str) -> float:
    """Inches of a figure of so many rows of panels, which are lower than usual where the page needs it.

    Args:
        usual, least: of a row, inches.
        aside: legends and the like, inches.
        what, mend: what is drawn, and what to do where it does not fit.
    Raises:
        UsageError: the page has no room for rows of the least height.
    """
    room = HEIGHT - aside
    if rows * least > room:
        raise UsageError(f"{what} do not fit on a page {HEIGHT:g} inches high; {mend}.")
    return min(rows * usual, room) + aside


def legend_size(labels: Sequence[str], width: float) -> tuple[int, float]:
    """Columns of a legend above the panels, as many as stand side by side in so many inches, and its height."""
    letters = [len(label) for label in labels]
    for columns in range(len(labels), 0, -1):
        # As matplotlib fills them: one after the other, the first ones longer where it does not divide.
        parts = np.array_split(letters, columns)
        if columns == 1 or sum(HANDLE + LETTER * part.max() for part in parts) <= width:
            break
    return columns, LINE * len(parts[0]) + 0.06


def in_lines(text: str, width: float) -> str:
    """A text in lines that are no wider than so many inches."""
    return "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, max(6, int(width / LETTER))))


def step_axis(panel: Axes, steps: Sequence[int] = ()) -> None:
    """Few ticks along the steps, written 10k rather than 10000: at these steps, where they are few themselves."""
    few = 0 < len(steps) <= TICKS
    panel.xaxis.set_major_locator(FixedLocator(list(steps)) if few else MaxNLocator(4, integer=True))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))


def shades(count: int, dark: bool = False) -> list[str]:
    """So many colours of rising lightness, as #rrggbb, all of them seen on white or, where `dark`, on black."""
    first, last = (0.3, 1.0) if dark else (0.0, 0.85)
    places = np.linspace(first, last, max(count, 2))[:count]
    return [to_hex(colour) for colour in colormaps["viridis"](places)]


def lines(runs: Sequence[Run]) -> dict[str, Mapping[str, Any]]:
    """`color`, `linestyle` and `marker` by run label (method, variant, name), sorted by method, base before variants.

    They do not depend on what else is drawn. A method's colour is its place among the registered methods; after them
    come those that are known from runs alone, such as other tools, by name: of all under the same results. What is one
    method's has a shade of its colour, dashes and a marker by its place: the base with the colour itself, VARIANTS in
    their order, then by name what is imported or no longer there. No two of 32 methods with 24 looks each agree in all
    three; of one method no two agree in dashes and marker.
    """
    methods, labels = _places([run.config for run in runs])
    if any(run.config.label not in labels.get(run.config.known_as, ()) for run in runs):
        roots = sorted({run.results for run in runs})
        everyone = [run.config for root in roots for run in list_runs(root)]
        methods, labels = _places([*(run.config for run in runs), *everyone], strangers=True)
    places = {
        (methods.index(run.config.known_as), labels[run.config.known_as].index(run.config.label)): run.config.label
        for run in runs
    }
    return {label: _look(*place) for place, label in sorted(places.items())}


def fillings(labels: Iterable[str]) -> list[dict[str, Any]]:
    """How the marker of each is filled, in their order: those of one label differ, up to six."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        found.append({"fillstyle": FILLS[seen[label] % len(FILLS)], "markerfacecoloralt": "white"})
        seen[label] += 1
    return found


def _places(configs: Sequence[RunConfig], strangers: bool = False) -> tuple[list[str], dict[str, list[str]]]:
    """Methods, and labels by method, in the order of their looks; with `strangers` also what no registry knows."""
    methods = list(registry.modules("methods"))
    drawn = {config.known_as for config in configs}
    labels = {
        method: [label_of(method, variant) for variant in (None, *registry.load_method(method).VARIANTS)]
        for method in methods
        if method in drawn
    }
    if strangers:
        methods += sorted(drawn - set(methods))
        for method in drawn:
            known = labels.setdefault(method, [method])
            known += sorted({config.label for config in configs if config.known_as == method} - set(known))
    return methods, labels


def colours() -> list[str]:
    """Every colour of a line, as #rrggbb: PALETTE, then its darker and its lighter shades."""
    return [_shade(colour, shade) for shade in range(SHADES) for colour in PALETTE]


def _shade(colour: str, shade: int) -> str:
    """The colour itself, a darker or a lighter one; black has two lighter ones."""
    towards = 1.0 if shade == 2 or colour == "#000000" else 0.0
    share = ((0.0, 0.35, 0.6) if colour == "#000000" else (0.0, 0.45, 0.5))[shade]
    return to_hex((1 - share) * np.array(to_rgb(colour)) + share * towards).upper()


def _look(method: int, place: int) -> dict[str, Any]:
    # Dashes go up with the place and markers down, so that both go round together after 24 places alone.
    dashes = method + place + method // len(PALETTE) + place // 24
    return {
        "color": _shade(PALETTE[method % len(PALETTE)], place % SHADES),
        "linestyle": DASHES[dashes % len(DASHES)],
        "marker": MARKERS[(method - place) % len(MARKERS)],
    }
