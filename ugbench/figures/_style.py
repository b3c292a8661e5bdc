"""How figures look: print size, one colour per method, and dashes and markers that can be told apart in grey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib import colormaps, style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, MaxNLocator

from ugbench import registry
from ugbench.errors import UsageError
from ugbench.figures import _text
from ugbench.runs.configurations import run_labels
from ugbench.runs.run import Run, RunConfig, label_of, list_runs

WIDTH, HEIGHT = 7.0, 9.0  # inches: the text area of a page
LINE, HANDLE = 0.14, 0.62  # inches: height of a legend's line; width of the handle and the space beside a label
LETTER = 0.05  # inches: average width of a letter

# The colours of Okabe and Ito, which colour-blind readers can tell apart; yellow is last, since it is faint on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
SHADES = 3  # per colour: the colour itself, a darker and a lighter one
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


class RowHeight(NamedTuple):
    """Height of a row of panels, in inches: the usual one, and the least at which it can still be read."""

    usual: float
    least: float


class LegendSize(NamedTuple):
    """How many columns a legend has, and its height in inches."""

    columns: int
    height: float


def settings() -> AbstractContextManager[None]:
    """The settings of print.mplstyle while a figure is drawn. No matplotlibrc has an effect; all is restored after."""
    return style.context(_text.STYLE, after_reset=True)


def blank(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure of this size in inches, not registered with pyplot.

    Raises:
        UsageError: the figure is higher than a page.
    """
    if height > HEIGHT + 1e-6:
        raise UsageError(
            f"this figure would be {height:.1f} inches high, but a page is {HEIGHT:g} inches high; draw fewer runs "
            "(--run) or one direction (--direction)."
        )
    figure = _text.PlainTextFigure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def figure_height(rows: int, row: RowHeight, margin: float, content: str, fix: str) -> float:
    """Height in inches of a figure with rows of panels, which shrink where the page is too low for the usual height.

    Args:
        rows: number of rows.
        row: height of one row.
        margin: height of all that is not a row (legends, axis labels), in inches.
        content: what the figure shows, as the subject of the error: "9 loss terms".
        fix: what to do where it does not fit: "draw fewer runs: --run RUN for each".
    Raises:
        UsageError: the rows do not fit on a page even at the least height.
    """
    available = HEIGHT - margin
    if rows * row.least > available:
        raise UsageError(f"{content} do not fit on a page {HEIGHT:g} inches high; {fix}.")
    return min(rows * row.usual, available) + margin


def legend_size(labels: Sequence[str], width: float) -> LegendSize:
    """The size of a legend above the panels, with as many columns as fit into this width in inches."""
    letters = [_text.letters(label) for label in labels]
    for columns in range(len(labels), 0, -1):
        # Matplotlib fills one column after the other; the first ones are longer if the labels do not divide evenly.
        parts = np.array_split(letters, columns)
        if columns == 1 or sum(HANDLE + LETTER * part.max() for part in parts) <= width:
            break
    return LegendSize(columns, LINE * len(parts[0]) + 0.06)


def fitting(label: str, width: float) -> str:
    """The label of a legend, shortened in its middle where it is wider than this many inches."""
    return _text.shortened(label, max(3, int((width - HANDLE) / LETTER)))


def wrap(text: str, width: float) -> str:
    """The text in lines that are not wider than this many inches, as `_text.lines` breaks them."""
    return "\n".join(_text.lines(text, max(6, int(width / LETTER))))


def set_step_ticks(panel: Axes, steps: Sequence[int] = ()) -> None:
    """A few ticks on the x axis, written 10k rather than 10000.

    Args:
        steps: the steps with data; the ticks are at exactly these where there are at most TICKS of them.
    """
    few = 0 < len(steps) <= TICKS
    panel.xaxis.set_major_locator(FixedLocator(list(steps)) if few else MaxNLocator(4, integer=True))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))


def sequential_colours(count: int, dark: bool = False) -> list[str]:
    """Colours of rising lightness, as #rrggbb. All can be seen on white or, where `dark`, on black."""
    first, last = (0.3, 1.0) if dark else (0.0, 0.85)
    shares = np.linspace(first, last, max(count, 2))[:count]
    return [to_hex(colour) for colour in colormaps["viridis"](shares)]


def line_styles(runs: Sequence[Run], known: Sequence[Run] | None = None) -> dict[str, Mapping[str, Any]]:
    """`color`, `linestyle` and `marker` by label (see `run_labels`), sorted by method, base before variants.

    A style does not depend on what else is drawn. The colour of a method is given by its place among the registered
    methods. Methods that are known from runs alone, such as other tools, follow by name; for them all runs under the
    same results folder are read. The labels of one method differ in shade, dashes and marker: the base has the colour
    itself, then come VARIANTS in their order, then the labels of imports and of variants that are no longer registered,
    by name. For up to 32 methods with 24 labels each no two labels agree in all three; within a method no two agree in
    dashes and marker.

    There is one exception: of several configurations of one label that are drawn together, the first has the style of
    the label, and the others have the styles after the last label of the method.

    Args:
        runs: to draw.
        known: all runs under the results folders of `runs`; None to read them if they are needed.
    """
    configs = [run.config for run in runs]
    order = _style_order(configs)
    if not all(config.label in order.get(config.known_as, ()) for config in configs):
        if known is None:
            known = [run for root in sorted({run.results for run in runs}) for run in list_runs(root)]
        order = _style_order([*configs, *(run.config for run in known)], with_unregistered=True)
    labels_without_config = {run.id: run.config.label for run in runs}
    drawn: dict[str, list[str]] = {}
    for run_id, label in sorted(run_labels(runs).items(), key=lambda item: (len(item[1]), item[1])):
        labels = drawn.setdefault(labels_without_config[run_id], [])
        if label not in labels:
            labels.append(label)
    styles: dict[str, Mapping[str, Any]] = {}
    for method, labels in enumerate(order.values()):
        next_place = len(labels)
        for place, label in enumerate(labels):
            for number, config_label in enumerate(drawn.get(label, ())):
                styles[config_label] = _style_at(method, next_place if number else place)
                next_place += number > 0
    return styles


def marker_fills(labels: Iterable[str]) -> list[dict[str, Any]]:
    """Fill of the marker for each label, in their order. Up to six equal labels get different fills."""
    seen: Counter[str] = Counter()
    fills = []
    for label in labels:
        fills.append({"fillstyle": FILLS[seen[label] % len(FILLS)], "markerfacecoloralt": "white"})
        seen[label] += 1
    return fills


def colours() -> list[str]:
    """Every colour that a line can have, as #rrggbb: PALETTE, then its darker, then its lighter shades."""
    return [_shade(colour, shade) for shade in range(SHADES) for colour in PALETTE]


def _style_order(configs: Sequence[RunConfig], with_unregistered: bool = False) -> dict[str, list[str]]:
    """The labels of each method; both are in the order of their styles. Only methods of `configs` have labels.

    Args:
        with_unregistered: add the methods and labels of these configs that no registry knows.
    """
    drawn = {config.known_as for config in configs}
    order: dict[str, list[str]] = {method: [] for method in registry.modules("methods")}
    for method in drawn & set(order):
        order[method] = [label_of(method, variant) for variant in (None, *registry.load_method(method).VARIANTS)]
    if with_unregistered:
        for method in sorted(drawn):
            labels = order.setdefault(method, [method])
            labels += sorted({config.label for config in configs if config.known_as == method} - set(labels))
    return order


def _shade(colour: str, shade: int) -> str:
    """The colour itself, a darker or a lighter one; black has two lighter ones."""
    target = 1.0 if shade == 2 or colour == "#000000" else 0.0
    share = ((0.0, 0.35, 0.6) if colour == "#000000" else (0.0, 0.45, 0.5))[shade]
    return to_hex((1 - share) * np.array(to_rgb(colour)) + share * target).upper()


def _style_at(method: int, place: int) -> dict[str, Any]:
    # Dashes count up with the place and markers count down, so that both repeat together only after 24 places.
    dashes = method + place + method // len(PALETTE) + place // 24
    return {
        "color": _shade(PALETTE[method % len(PALETTE)], place % SHADES),
        "linestyle": DASHES[dashes % len(DASHES)],
        "marker": MARKERS[(method - place) % len(MARKERS)],
    }
