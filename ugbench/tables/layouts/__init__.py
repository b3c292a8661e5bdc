"""Layouts: what stands in which row and column of a table, for all readable formats.

`blocks` has a section for each data set and direction, with a column for each metric and protocol. `paper` has a
section for each metric and protocol, with a column for each data set, and the directions as panels.
"""

from __future__ import annotations

from ugbench.errors import UnknownName
from ugbench.tables.layouts import blocks, paper
from ugbench.tables.layouts.grid import Grids
from ugbench.tables.model import Table

LAYOUTS = {"blocks": blocks.lay_out, "paper": paper.lay_out}


def lay_out(table: Table, layout: str) -> Grids:
    """The table in one of LAYOUTS.

    Raises:
        UnknownName: there is no such layout; the message names a near one.
    """
    if layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    return LAYOUTS[layout](table)
