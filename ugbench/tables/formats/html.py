"""A table as HTML by jinja2, every text escaped: a page of its own, or a part of another."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ugbench.tables.formats.spans import NOTE, spans
from ugbench.tables.formats.text_grid import extra_text, heads, labels, ranking_grid
from ugbench.tables.model import Block, Table
from ugbench.tables.numbers import number, sign

PACKAGE = "ugbench.tables.formats"


def page(table: Table) -> str:
    """A page that loads nothing; it is light or dark as the reader's browser is."""
    template = environment(PACKAGE).get_template("page.html")
    return template.render(style=Markup(style()), body=Markup(fragment(table))) + "\n"


def fragment(table: Table) -> str:
    """The blocks, rankings and notes, for a page that has its own head; `style()` is their CSS.

    The attribute `data-value` of a score is its raw value, for a script that sorts.
    """
    blocks = [_block(table, block) for block in table.blocks]
    draws_spans = any(column_spans for block in blocks for column_spans in block["spans"].values())
    template = environment(PACKAGE).get_template("tables.html")
    return template.render(
        blocks=blocks,
        rankings=[ranking_grid(ranking) for ranking in table.rankings],
        notes=[*table.notes, *([NOTE] if draws_spans else [])],
    )


def style() -> str:
    """The CSS of the tables, and of a plain page around them."""
    return read(PACKAGE, "table.css")


def environment(package: str) -> Environment:
    """The jinja2 environment of a package's templates/; it escapes every text and knows how scores are written."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(number=number, sign=sign, labels=labels, extra_text=extra_text)
    return made


def read(package: str, name: str) -> str:
    """The text of a file in a package's templates/."""
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")


def _block(table: Table, block: Block) -> dict[str, Any]:
    """What the template shows of a block."""
    columns = table.columns_of(block)
    return {
        "block": block,
        "heads": heads(table, block),
        "columns": columns,
        "extra_columns": table.extra_columns_of(block),
        "spans": {column.key: spans(block, column) for column in columns},
        "protocols": _protocols(table, block),
    }


def _protocols(table: Table, block: Block) -> str:
    """The protocols of a block's columns by name and id; the notes hold each in words."""
    columns_by_name: dict[str, list[str]] = {}
    for column in table.columns_of(block):
        protocol: Mapping[str, Any] = table.protocols[column.protocol_id]
        columns_by_name.setdefault(str(protocol.get("name")), []).append(f"{column.metric} [{column.protocol_id}]")
    return "; ".join(f"protocol {name}: {', '.join(columns)}" for name, columns in columns_by_name.items())
