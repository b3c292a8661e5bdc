"""A table as text: `render` writes it in one of FORMATS, each of which is a module here.

Formats for reading scale values, give them sensible digits and carry the caption; csv and json hold raw values.
Names come from users, so each format escapes what is markup in it.
"""

from __future__ import annotations

import importlib

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
    if format not in FORMATS:
        raise UnknownName("table format", format, FORMATS)
    # Only the requested format is imported: jinja2 and rich take longer to load than a table to build.
    module = importlib.import_module(f"ugbench.tables.formats.{'markdown' if format == 'md' else format}")
    return str(module.render(table, plain) if format == "terminal" else module.render(table))
