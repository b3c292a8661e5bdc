"""A table in each format that `ugbench table --format` knows; one function a format.

Readable formats scale values, give them sensible digits and carry the caption; csv and json hold raw values.
Names come from users, so each format escapes what is markup to it.
"""

from __future__ import annotations

import csv as csv_module
import io
import json as json_module
from collections.abc import Callable, Mapping
from types import MappingProxyType

from rich.console import Console, RenderableType

from ugbench.errors import UnknownName
from ugbench.tables import layout
from ugbench.tables.build import Cell, Column, Table, to_json
from ugbench.tables.formats import html as html_module
from ugbench.tables.formats.terminal import TerminalTable


def render(table: Table, format: str, plain: bool = False) -> str:
    """The table in `format` as text that ends with a line.

    Args:
        plain: `terminal` without bold, dim and the like, for a file. Otherwise it has them where stdout is a
            terminal; it is as wide as stdout's window either way.
    Raises:
        UnknownName: no such format; the message offers a near one.
    """
    if format not in FORMATS:
        raise UnknownName("table format", format, FORMATS)
    made = FORMATS[format](table)
    if isinstance(made, str):
        return made
    console = Console(color_system=None if plain else "auto", no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(made)
    return captured.get()


def terminal(table: Table) -> RenderableType:
    """For a rich console of any width."""
    return TerminalTable(table)


def json(table: Table) -> str:
    """`{"protocols", "rows", "notes"}` with raw values."""
    return json_module.dumps(to_json(table), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def csv(table: Table) -> str:
    """A line a row, with raw values; each score has its se, number of seeds and protocol beside it.

    Standings across data sets follow after an empty line, under heads of their own.
    """
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    fields = ("value", "se", "n_seeds", "protocol_id")
    heads = [[column.key, *(f"{column.key}_{field}" for field in fields[1:])] for column in table.columns]
    heads_beside = [head for column in table.beside for head in column.csv]
    names = [*(name for head in heads for name in head), *heads_beside]
    writer.writerow(["dataset", "direction", "method", "variant", *names])
    for row in table.rows:
        cells = [row.cells.get(column.key) for column in table.columns]
        values = [getattr(cell, field, None) for cell in cells for field in fields]
        beside = [row.beside.get(column.key) for column in table.beside]
        numbers = {head: value for entry in beside if entry is not None for head, value in entry.numbers.items()}
        writer.writerow([row.dataset, row.direction, row.method, row.variant, *values, *map(numbers.get, heads_beside)])
    if table.across:
        out.write("\n")
        writer.writerow(["metric", "protocol_id", "label", "mean_rank", "regret", "where"])
    for one in table.across:
        fields_of = one.to_json()
        for line in fields_of["methods"]:
            writer.writerow([fields_of["metric"], fields_of["protocol_id"], *line.values()])
    return out.getvalue()


def md(table: Table) -> str:
    """GitHub's Markdown: a heading and a pipe table a block, then the caption as a list."""
    parts = []
    for block in layout.blocks(table):
        lines = [[_md(text) for text in block.head], [":--", *["--:"] * (len(block.head) - 1)]]
        lines += _lines(block, _md, "**{}**")
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"### {_md(block.title)}\n\n{body}\n")
    for title, head, rows in layout.small_tables(table):
        lines = [[*map(_md, head)], [":--", *["--:"] * (len(head) - 1)], *([*map(_md, row)] for row in rows)]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"### {_md(title)}\n\n{body}\n")
    parts.append("\n".join(f"- {_md(note)}" for note in table.notes) + "\n")
    return "\n".join(parts)


def latex(table: Table) -> str:
    """A `table` environment a block with booktabs rules; the notes, the same for all, under the last."""
    parts = ["% needs \\usepackage{booktabs}\n"]
    everything = [
        *((block.title, block.head, _lines(block, _latex, "\\textbf{{{}}}")) for block in layout.blocks(table)),
        *((title, head, [[*map(_latex, row)] for row in rows]) for title, head, rows in layout.small_tables(table)),
    ]
    for place, (title, head, rows) in enumerate(everything, 1):
        lines = [
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{_latex(title)}}}",
            f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            "\\toprule",
            " & ".join(map(_latex, head)) + " \\\\",
            "\\midrule",
            *(" & ".join(row) + " \\\\" for row in rows),
            "\\bottomrule",
            "\\end{tabular}",
        ]
        if place == len(everything):
            notes = [f"{_latex(note)}\\par" for note in table.notes]
            lines += [
                "\\par\\medskip",
                "\\begin{minipage}{\\linewidth}\\footnotesize",
                *notes,
                "\\end{minipage}",
            ]
        parts.append("\n".join([*lines, "\\end{table}"]) + "\n")
    return "\n".join(parts)


def html(table: Table) -> str:
    """One page that loads nothing; light or dark as the reader's browser is."""
    return html_module.page(table)


def _lines(block: layout.Block, escape: Callable[[str], str], bold: str) -> list[list[str]]:
    """The rows' labels and numbers as text, escaped; the best filled into `bold`."""
    return [
        [
            *map(escape, block.label(row)),
            *(_readable(row.cells.get(column.key), column, escape, bold) for column in block.columns),
            *(escape(layout.aside(row, column)) for column in block.beside),
        ]
        for row in block.rows
    ]


def _readable(cell: Cell | None, column: Column, escape: Callable[[str], str], bold: str) -> str:
    if cell is None:
        return ""
    text, mark = escape(layout.number(cell, column.scale)), escape(layout.mark(cell))
    return f"{bold.format(text) if cell.best else text} {mark}".rstrip()


def _md(text: str) -> str:
    """Text that Markdown shows as it is: no pipes, emphasis, links, code or tags of its own."""
    escaped = text.translate({ord(mark): f"\\{mark}" for mark in "\\|*_`[]<>#~"}).replace("&", "&amp;")
    return " ".join(escaped.split())


LATEX = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    **{mark: f"{{{mark}}}" for mark in "[]*"},  # a row's first letter must not be an option of the \\ before it
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "±": "$\\pm$",
    "≈": "$\\approx$",
    "√": "$\\surd$",
    "†": "$\\dagger$",
    "°": "$^\\circ$",
    "↓": "$\\downarrow$",
    "↑": "$\\uparrow$",
}


def _latex(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in " ".join(text.split()))


FORMATS: Mapping[str, Callable[[Table], RenderableType]] = MappingProxyType(
    {"terminal": terminal, "md": md, "latex": latex, "csv": csv, "html": html, "json": json}
)
