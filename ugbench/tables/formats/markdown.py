"""A table as GitHub's Markdown: headings and pipe tables, then the caption as a list."""

from __future__ import annotations

from ugbench.tables.layouts.grid import GridCell, Grids, Panel
from ugbench.visible import visible


def render(grids: Grids) -> str:
    """The grids as Markdown: a heading for each section, and one for each panel if a section has several."""
    parts = []
    for section in grids.sections:
        parts.append(f"### {_escape(section.title)}\n")
        for panel in section.panels:
            parts += [f"#### {_escape(panel.title)}\n"] if panel.title else []
            parts.append(_pipe_table(panel))
    parts.append("\n".join(f"- {_escape(note)}" for note in grids.notes) + "\n")
    return "\n".join(parts)


def _pipe_table(panel: Panel) -> str:
    heads = [*map(_escape, panel.label_heads), *(_escape(column.title) for column in panel.columns)]
    lines = [heads, [":--", *["--:"] * (len(heads) - 1)]]
    lines += [[*map(_escape, row.labels), *map(_cell, row.cells)] for row in panel.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(cell: GridCell) -> str:
    text = _escape(cell.text)
    return f"{f'**{text}**' if cell.best else text} {_escape(cell.mark)}".rstrip()


def _escape(text: str) -> str:
    """Text that Markdown shows as it is: names of users may hold pipes, emphasis, links, code or tags."""
    shown = visible(" ".join(text.split()))
    return shown.translate({ord(mark): f"\\{mark}" for mark in "\\|*_`[]<>#~"}).replace("&", "&amp;")
