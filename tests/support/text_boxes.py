"""Checks that the texts of a figure lie on the page and not on each other."""

from __future__ import annotations

from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ugbench.figures import _style


def boxes(figure: Figure) -> dict[tuple[str, int], Bbox]:
    """Where each text stands, in pixels; ticks aside."""
    figure.canvas.draw()
    ticks = {id(label) for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text() and id(text) not in ticks]
    return {(text.get_text(), place): text.get_window_extent() for place, text in enumerate(texts)}


def check(figure: Figure) -> None:
    """Assert that the figure fits on a page, and that its texts lie within it and not on each other."""
    where, page = boxes(figure), figure.bbox
    assert len(where) > 2
    assert figure.get_figwidth() <= _style.WIDTH and figure.get_figheight() <= _style.HEIGHT
    for text, box in where.items():
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
    for (text, box), (other, second) in combinations(where.items(), 2):
        shared = Bbox.intersection(box, second)
        assert shared is None or min(shared.width, shared.height) < 1, (text, other)
