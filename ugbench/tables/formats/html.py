"""A table as HTML by jinja2, every text escaped: a page of its own, or a part of another."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ugbench.tables import layout
from ugbench.tables.build import Table
from ugbench.tables.formats.spans import NOTE, spans


def page(table: Table) -> str:
    """One page that loads nothing; light or dark as the reader's browser is."""
    template = environment("ugbench.tables.formats").get_template("page.html")
    return template.render(style=Markup(style()), body=Markup(fragment(table))) + "\n"


def fragment(table: Table) -> str:
    """The tables and their notes alone, escaped, for a page with a head of its own; `style()` goes with it.

    A cell's `data-value` is its raw value, for a script that sorts.
    """
    drawn = [(block, {column.key: spans(block, column) for column in block.columns}) for block in layout.blocks(table)]
    notes = [*table.notes, *([NOTE] if any(found for _, own in drawn for found in own.values()) else [])]
    small = list(layout.small_tables(table))
    template = environment("ugbench.tables.formats").get_template("tables.html")
    return template.render(blocks=drawn, all_protocols=table.protocols, small=small, notes=notes)


def style() -> str:
    """CSS of the tables, and of a plain page around them."""
    return read("ugbench.tables.formats", "table.css")


def environment(package: str) -> Environment:
    """jinja2 over a package's templates/ that escapes whatever they are given, and knows a table's cells."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(number=layout.number, mark=layout.mark, aside=layout.aside, protocols=_protocols)
    return made


def read(package: str, name: str) -> str:
    """A file of a package's templates/."""
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")


def _protocols(block: layout.Block, protocols: Mapping[str, Mapping[str, Any]]) -> str:
    """The protocols of a block's columns by name and id; the notes hold each in words."""
    named: dict[str, list[str]] = {}
    for column in block.columns:
        name = str(protocols[column.protocol_id].get("name"))
        named.setdefault(name, []).append(f"{column.metric} [{column.protocol_id}]")
    return "; ".join(f"protocol {name}: {', '.join(columns)}" for name, columns in named.items())
