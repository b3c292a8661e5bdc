"""A table as HTML by jinja2, every text escaped: a page of its own, or a part of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from ugbench.report import layout
from ugbench.report.spans import NOTE, spans
from ugbench.report.table import Table


def page(table: Table) -> str:
    """One page that loads nothing; light or dark as the reader's browser is."""
    return (
        environment({"page": PAGE}).get_template("page").render(style=Markup(STYLE), body=Markup(fragment(table)))
        + "\n"
    )


def fragment(table: Table) -> str:
    """The tables and their notes alone, escaped, for a page with a head of its own; `STYLE` goes with it.

    A cell's `data-value` is its raw value, for a script that sorts.
    """
    drawn = [(block, {column.key: spans(block, column) for column in block.columns}) for block in layout.blocks(table)]
    notes = [*table.notes, *([NOTE] if any(found for _, own in drawn for found in own.values()) else [])]
    small = list(layout.small_tables(table))
    template = environment({"body": BODY}).get_template("body")
    return template.render(blocks=drawn, all_protocols=table.protocols, small=small, notes=notes)


def environment(templates: Mapping[str, str]) -> Environment:
    """jinja2 over templates by name that escapes whatever they are given, and knows a table's cells."""
    made = Environment(
        loader=DictLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(number=layout.number, mark=layout.mark, aside=layout.aside, protocols=_protocols)
    return made


def _protocols(block: layout.Block, protocols: Mapping[str, Mapping[str, Any]]) -> str:
    """The protocols of a block's columns by name and id; the notes hold each in words."""
    named: dict[str, list[str]] = {}
    for column in block.columns:
        name = str(protocols[column.protocol_id].get("name"))
        named.setdefault(name, []).append(f"{column.metric} [{column.protocol_id}]")
    return "; ".join(f"protocol {name}: {', '.join(columns)}" for name, columns in named.items())


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
.scores caption small { display: block; font-weight: 400; opacity: .75; }
.scores .mark { display: inline-block; width: 1.1em; text-align: left; white-space: pre; font-weight: 400; }
.span { display: block; width: 7rem; height: .5rem; margin: 0 1.1em 0 auto; stroke: currentColor; }
.span line { stroke-width: 1; vector-effect: non-scaling-stroke; }
.span .track { opacity: .25; }
.span .interval { stroke-width: 4; opacity: .4; }
.span .at { stroke-width: 2; }
.notes { font-size: .85rem; padding-left: 1.2rem; overflow-wrap: anywhere; }
"""

BODY = """
{% macro drawing(span) %}
<svg class="span" viewBox="-3 0 106 8" preserveAspectRatio="none" role="img"
  aria-label="{{ span.text or 'no interval' }}">
<line class="track" x1="0" x2="100" y1="4" y2="4"/>
{% if span.interval %}
<line class="interval" x1="{{ span.interval[0]|round(1) }}" x2="{{ span.interval[1]|round(1) }}" y1="4" y2="4"/>
{% endif %}
{% for seed in span.seeds %}
<line x1="{{ seed|round(1) }}" x2="{{ seed|round(1) }}" y1="2" y2="6"/>
{% endfor %}
<line class="at" x1="{{ span.at|round(1) }}" x2="{{ span.at|round(1) }}" y1="0" y2="8"/>
</svg>
{% endmacro %}
{% for block, drawn in blocks %}
<div class="scores">
<table>
<caption><span>{{ block.title }} <small>{{ protocols(block, all_protocols) }}</small></span></caption>
<thead><tr>
{%- for label in block.head %}<th scope="col">{{ label }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in block.rows %}
<tr{% if not row.competes %} class="aside"{% endif %}><th scope="row">{{ row.label }}</th>
{%- for count in block.label(row)[1:] %}<td>{{ count }}</td>{% endfor %}
{%- for column in block.columns %}
{%- set cell = row.cells.get(column.key) %}
{%- if cell is none %}<td></td>
{%- else %}<td data-value="{{ cell.value }}"{% if cell.best %} class="best"{% endif %}>
{%- if cell.best %}<strong>{{ number(cell, column.scale) }}</strong><span class="mark"></span>
{%- else %}{{ number(cell, column.scale) }}<span class="mark"> {{ mark(cell) }}</span>
{%- endif %}
{%- set span = drawn[column.key].get(row.label) %}
{%- if span %}{{ drawing(span) }}{% endif %}</td>
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
<caption><span>{{ title }}</span></caption>
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
