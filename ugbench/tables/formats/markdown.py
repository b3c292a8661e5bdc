"""A table as GitHub's Markdown: a heading and a pipe table for each block, then the caption as a list."""

from __future__ import annotations

from ugbench.tables.formats.text_grid import text_grids
from ugbench.tables.model import Table
from ugbench.visible import visible


def render(table: Table) -> str:
    """The table as Markdown."""
    parts = []
    for grid in text_grids(table, _escape, "**{}**"):
        lines = [grid.heads, (":--", *["--:"] * (len(grid.heads) - 1)), *grid.lines]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"### {grid.title}\n\n{body}\n")
    parts.append("\n".join(f"- {_escape(note)}" for note in table.notes) + "\n")
    return "\n".join(parts)


def _escape(text: str) -> str:
    """Text that Markdown shows as it is: names of users may hold pipes, emphasis, links, code or tags."""
    shown = visible(" ".join(text.split()))
    return shown.translate({ord(mark): f"\\{mark}" for mark in "\\|*_`[]<>#~"}).replace("&", "&amp;")
