"""Outputs above the training images nearest to them, for a person to judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ugbench.analysis.neighbours import Neighbours
from ugbench.data.images import read_image, resize
from ugbench.figures import _style

PAIRS = 8  # a direction


def draw(found: Sequence[Neighbours]) -> Figure:
    """The closest pairs of each direction, nearest first: outputs in one row, training images under them.

    Images are shown at the size at which they were compared; a mark tells those under the limit.

    Raises:
        DataError: an image cannot be read.
    """
    side = _style.WIDTH / PAIRS
    with _style.settings():
        figure = _style.blank(_style.WIDTH, len(found) * (2 * side + 0.3))
        panels = figure.subplots(2 * len(found), PAIRS, squeeze=False)
        for panel in panels.flat:
            panel.set_axis_off()
        for block, one in enumerate(found):
            for place, pair in enumerate(one.outputs[:PAIRS]):
                above, below = panels[2 * block : 2 * block + 2, place]
                for panel, file in ((above, pair.file), (below, pair.nearest)):
                    panel.imshow(np.asarray(resize(read_image(file), one.size)), aspect="equal")
                mark = " *" if pair in one.near else ""
                above.set_title(f"{one.direction} {pair.distance:.3g}{mark}")
    return figure
