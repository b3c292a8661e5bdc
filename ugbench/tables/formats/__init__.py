"""A table as text: `render` writes it in one of FORMATS, each of which is a module here.

Formats for reading scale values, give them sensible digits and carry the caption; csv and json hold raw values.
Names come from users, so each format escapes what is markup in it.
"""

from __future__ import annotations

from ugbench.errors import UnknownName
from ugbench.tables.model import Table

FORMATS = ("terminal", "md", "latex", "csv", "html", "json")


def render(table: Table, format: str, plain: bool = False) -> str:
    """The table in one of FORMATS, as text that ends with a line break.

    Args:
        plain: `terminal` without bold and dim, for a file; see `ugbench.tables.formats.terminal`.
    Raises:
        UnknownName: there is no such format; the message names a near one.
    """
    # Only the asked format is imported: jinja2 and rich take longer than a table.
    if format == "terminal":
        from ugbench.tables.formats.terminal import terminal

        return terminal(table, plain)
    if format == "md":
        from ugbench.tables.formats.markdown import markdown

        return markdown(table)
    if format == "latex":
        from ugbench.tables.formats.latex import latex

        return latex(table)
    if format == "csv":
        from ugbench.tables.formats.csv import csv

        return csv(table)
    if format == "html":
        from ugbench.tables.formats.html import page

        return page(table)
    if format == "json":
        from ugbench.tables.formats.json import json

        return json(table)
    raise UnknownName("table format", format, FORMATS)
