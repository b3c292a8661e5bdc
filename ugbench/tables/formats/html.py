"""A table as HTML by jinja2, every text escaped: a page of its own, or a part of another."""

from __future__ import annotations

from markupsafe import Markup

from ugbench import templates
from ugbench.tables.formats.spans import NOTE, spans
from ugbench.tables.formats.text_grid import extra_text, heads, labels, ranking_grid
from ugbench.tables.model import Block, Table
from ugbench.tables.numbers import number, sign

PACKAGE = "ugbench.tables.formats"


def render(table: Table) -> str:
    """A page that loads nothing; it is light or dark as the reader's browser is."""
    template = templates.environment(PACKAGE).get_template("page.html")
    return template.render(style=Markup(style()), body=Markup(fragment(table))) + "\n"


def fragment(table: Table) -> str:
    """The blocks, rankings and notes, for a page that has its own head; `style()` is their CSS.

    The attribute `data-value` of a score is its raw value, for a script that sorts.
    """
    jinja = templates.environment(
        PACKAGE, number=number, sign=sign, heads=heads, labels=labels, extra_text=extra_text, protocols_of=_protocols
    )
    columns = [[(column, spans(block, column)) for column in table.columns_of(block)] for block in table.blocks]
    has_spans = any(column_spans for block_columns in columns for _, column_spans in block_columns)
    notes = [*table.notes, *([NOTE] if has_spans else [])]
    rankings = map(ranking_grid, table.rankings)
    return jinja.get_template("tables.html").render(table=table, columns=columns, rankings=rankings, notes=notes)


def style() -> str:
    """The CSS of the tables, and of a plain page around them."""
    return templates.read(PACKAGE, "table.css")


def _protocols(table: Table, block: Block) -> str:
    """The protocols of a block's columns by name and id; the notes hold each in words."""
    columns_by_name: dict[str, list[str]] = {}
    for column in table.columns_of(block):
        name = str(table.protocols[column.protocol_id].get("name"))
        columns_by_name.setdefault(name, []).append(f"{column.metric} [{column.protocol_id}]")
    return "; ".join(f"protocol {name}: {', '.join(columns)}" for name, columns in columns_by_name.items())
