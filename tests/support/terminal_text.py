"""A table as it is printed in a terminal window of a given width."""

from __future__ import annotations

import io

from rich.console import Console

from ugbench.tables.formats.terminal import TerminalTable
from ugbench.tables.layouts import lay_out
from ugbench.tables.model import Table


def terminal_lines(table: Table, width: int = 80) -> list[str]:
    """The lines of a table in a window of `width` columns, without colour and weight."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(TerminalTable(lay_out(table, "blocks")))
    return console.export_text().splitlines()
