"""A table as LaTeX: a `table` environment with booktabs rules for each block; the last one holds the caption."""

from __future__ import annotations

from ugbench.tables.formats.text_grid import TextGrid, text_grids
from ugbench.tables.model import Table
from ugbench.visible import visible

ESCAPES = {
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


def render(table: Table) -> str:
    """The table as LaTeX; a document that holds it loads the package booktabs."""
    grids = list(text_grids(table, _escape, "\\textbf{{{}}}"))
    notes = [
        "\\par\\medskip",
        "\\begin{minipage}{\\linewidth}\\footnotesize",
        *(f"{_escape(note)}\\par" for note in table.notes),
        "\\end{minipage}",
    ]
    environments = [_environment(grid, notes if grid is grids[-1] else []) for grid in grids]
    return "\n".join(["% needs \\usepackage{booktabs}\n", *environments])


def _environment(grid: TextGrid, notes: list[str]) -> str:
    lines = [
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{grid.title}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(grid.heads) - 1)}}}",
        "\\toprule",
        " & ".join(grid.heads) + " \\\\",
        "\\midrule",
        *(" & ".join(line) + " \\\\" for line in grid.lines),
        "\\bottomrule",
        "\\end{tabular}",
        *notes,
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in visible(" ".join(text.split())))
