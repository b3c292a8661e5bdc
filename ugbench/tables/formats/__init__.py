"""A table as text: `render` writes it in one of FORMATS, each of which is a module here.

Formats for reading scale values, give them sensible digits and carry the caption; csv and json hold raw values and know
no layout. Names come from users, so each format escapes what is markup in it.
"""

from __future__ import annotations

import importlib

from ugbench.errors import UnknownName
from ugbench.tables.layouts import lay_out
from ugbench.tables.model import Table

FORMATS = ("terminal", "md", "latex", "csv", "html", "json")
RAW = ("csv", "json")
"""Formats without a layout, in which rows keep their registered names."""


def render(
    table: Table,
    format: str,
    layout: str | None = None,
    *,
    plain: bool = False,
    caption: str | None = None,
    tex_label: str | None = None,
) -> str:
    """The table in one of FORMATS, as text that ends with a line break.

    Args:
        layout: one of `ugbench.tables.layouts.LAYOUTS`; None for the format's own: `paper` for latex, else `blocks`.
        plain: `terminal` without bold and dim, for a file; see `ugbench.tables.formats.terminal`.
        caption, tex_label: of `latex`, see `ugbench.tables.formats.latex`.
    Raises:
        UnknownName: there is no such format or layout; the message names a near one.
    """
    if format not in FORMATS:
        raise UnknownName("table format", format, FORMATS)
    # Only the requested format is imported: jinja2 and rich take longer to load than a table to build.
    module = importlib.import_module(f"ugbench.tables.formats.{'markdown' if format == 'md' else format}")
    if format in RAW:
        return str(module.render(table))
    grids = lay_out(table, layout or ("paper" if format == "latex" else "blocks"))
    if format == "terminal":
        return str(module.render(grids, plain))
    if format == "latex":
        return str(module.render(grids, caption, tex_label))
    return str(module.render(grids))
