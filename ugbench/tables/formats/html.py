"""A table as HTML by jinja2, every text escaped: a page of its own, or a part of another."""

from __future__ import annotations

from markupsafe import Markup

from ugbench import templates
from ugbench.tables.formats.spans import NOTE, spans
from ugbench.tables.layouts.grid import Grids

PACKAGE = "ugbench.tables.formats"


def render(grids: Grids) -> str:
    """A page that loads nothing; it is light or dark as the reader's browser is."""
    template = templates.environment(PACKAGE).get_template("page.html")
    return template.render(style=Markup(style()), body=Markup(fragment(grids))) + "\n"


def fragment(grids: Grids) -> str:
    """The sections and notes, for a page that has its own head; `style()` is their CSS.

    The attribute `data-value` of a score is its raw value, for a script that sorts.
    """
    panels = [
        (section, panel, [spans(panel, place) for place in range(len(panel.columns))])
        for section in grids.sections
        for panel in section.panels
    ]
    has_spans = any(column_spans for _, _, columns in panels for column_spans in columns)
    notes = [*grids.notes, *([NOTE] if has_spans else [])]
    return templates.environment(PACKAGE).get_template("tables.html").render(panels=panels, notes=notes)


def style() -> str:
    """The CSS of the tables, and of a plain page around them."""
    return templates.read(PACKAGE, "table.css")
