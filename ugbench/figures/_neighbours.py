"""Outputs above the training images nearest to them, for a person to compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ugbench.analysis.neighbours import Neighbours
from ugbench.data.fitting import fitted
from ugbench.data.images import read_image
from ugbench.figures import _style

PAIRS = 8  # per direction


def draw(neighbours: Sequence[Neighbours]) -> Figure:
    """The nearest pairs of each direction, nearest first: outputs in one row, their training images below.

    Images are shown at the size at which they were compared. Over each pair stands its distance, with a star where
    the pair is nearer than `Neighbours.limit`.

    Raises:
        DataError: an image cannot be read.
    """
    side = _style.WIDTH / PAIRS
    with _style.settings():
        figure = _style.blank(_style.WIDTH, len(neighbours) * (2 * side + 0.3))
        panels = figure.subplots(2 * len(neighbours), PAIRS, squeeze=False)
        for panel in panels.flat:
            panel.set_axis_off()
        for block, direction_neighbours in enumerate(neighbours):
            for column, pair in enumerate(direction_neighbours.outputs[:PAIRS]):
                above, below = panels[2 * block : 2 * block + 2, column]
                for panel, file in ((above, pair.file), (below, pair.nearest)):
                    panel.imshow(np.asarray(fitted(read_image(file), direction_neighbours.transform)), aspect="equal")
                star = " *" if pair in direction_neighbours.near else ""
                above.set_title(f"{direction_neighbours.direction} {pair.distance:.3g}{star}")
    return figure
