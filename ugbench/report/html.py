"""A table as HTML by jinja2, every text escaped: a page of its own, or a part of another."""

from __future__ import annotations

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from ugbench.report import layout
from ugbench.report.table import Table


def page(table: Table) -> str:
    """One page that loads nothing; light or dark as the reader's browser is."""
    return _environment().get_template("page").render(style=Markup(STYLE), body=Markup(fragment(table))) + "\n"


def fragment(table: Table) -> str:
    """The tables and their notes alone, escaped, for a page with a head of its own; `STYLE` goes with it."""
    return (
        _environment()
        .get_template("body")
        .render(blocks=list(layout.blocks(table)), small=list(layout.small_tables(table)), notes=table.notes)
    )


def _environment() -> Environment:
    environment = Environment(
        loader=DictLoader({"body": BODY, "page": PAGE}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(number=layout.number, mark=layout.mark, aside=layout.aside)
    return environment


STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
.scores { overflow-x: auto; }
.scores table { border-collapse: collapse; margin: 0 0 1.5rem; font-variant-numeric: tabular-nums; }
.scores caption { text-align: left; font-weight: 600; padding: .3rem 0; }
.scores th, .scores td { padding: .25rem .8rem; text-align: right; white-space: nowrap; font-weight: 400; }
.scores th:first-child { text-align: left; padding-left: 0; }
.scores thead th { border-bottom: 1px solid; }
.scores .best { font-weight: 700; }
.scores .aside { opacity: .65; }
.notes { font-size: .85rem; padding-left: 1.2rem; overflow-wrap: anywhere; }
"""

BODY = """
{% for block in blocks %}
<div class="scores">
<table>
<caption>{{ block.title }}</caption>
<thead><tr>
{%- for label in block.head %}<th scope="col">{{ label }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in block.rows %}
<tr{% if not row.competes %} class="aside"{% endif %}><th scope="row">{{ row.label }}</th>
{%- for count in block.label(row)[1:] %}<td>{{ count }}</td>{% endfor %}
{%- for column in block.columns %}
{%- set cell = row.cells.get(column.key) %}
{%- if cell is none %}<td></td>
{%- elif cell.best %}<td class="best"><strong>{{ number(cell, column.scale) }}</strong></td>
{%- else %}<td>{{ number(cell, column.scale) }} {{ mark(cell) }}</td>
{%- endif %}
{%- endfor %}
{%- for column in block.beside %}<td>{{ aside(row, column) }}</td>{% endfor %}

</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endfor %}
{% for title, head, rows in small %}
<div class="scores">
<table>
<caption>{{ title }}</caption>
<thead><tr>
{%- for label in head %}<th scope="col">{{ label }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr><th scope="row">{{ row[0] }}</th>{% for text in row[1:] %}<td>{{ text }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endfor %}
<ul class="notes">
{% for note in notes %}
<li>{{ note }}</li>
{% endfor %}
</ul>
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ugbench scores</title>
<style>{{ style }}</style>
</head>
<body>
{{ body }}
</body>
</html>
"""
