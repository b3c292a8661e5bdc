"""A table as LaTeX: a float for each section, with its panels below each other, and the notes in the last one.

Numbers stand in S columns of siunitx, so that decimal points are below each other, whatever follows the number. The
tabulars are written by pandas' Styler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd

from ugbench.tables.formats.tex_text import DEFINITION, LETTERS, escape, escape_sentence
from ugbench.tables.layouts.grid import GridCell, GridColumn, Grids, Panel, Section

PACKAGES = ("booktabs", "siunitx", "graphicx")

# Widths in points. They only choose between environments and sizes: a table that is still too wide is shrunk by LaTeX.
ONE_COLUMN = 230.0  # the columns of ICML, 3.25 in, have 234.9 pt
LONG_NOTES = 1000  # characters; in one narrow column, longer notes would be higher than the page
TEXT_WIDTH = 395.0  # the text of ICLR, 5.5 in, has 397.5 pt
LETTER, GAP = 4.9, 12.0  # of 10 pt type: the mean width of a letter, and \tabcolsep on both sides
SIZES = (("", 1.0), ("\\small", 0.9), ("\\footnotesize", 0.8), ("\\scriptsize", 0.7))


@dataclass(frozen=True)
class _NumberFormat:
    """The digits that a column of numbers reserves room for, and the widest text after its numbers."""

    sign: str
    whole: int
    decimals: int
    after: str

    def column(self) -> str:
        """The column's type in the preamble of a tabular."""
        digits = f"{self.sign}{self.whole}" + (f".{self.decimals}" if self.decimals else "")
        after = f", table-space-text-post={{{self.after}}}" if self.after else ""
        return f"S[table-format={digits}{after}]"


def render(grids: Grids, caption: str | None = None, tex_label: str | None = None) -> str:
    """The grids as LaTeX; the first line names the packages that a document loads.

    Args:
        caption: of the float; the titles of the sections follow it where there are several. None for one that says what
            is in the rows and columns.
        tex_label: what `\\ref` refers to; the key of each section follows it where there are several. None for `tab:`
            and the key.
    """
    several = len(grids.sections) > 1
    floats = []
    for section in grids.sections:
        own = re.sub(r"\bx(?=\d)", "×", section.caption)  # the scale: x100
        title = re.sub(r"\bx(?=\d)", "×", section.title)
        text = own if caption is None else f"{caption.rstrip('.:')}: {title}" if several else caption
        label = f"tab:{section.key}" if tex_label is None else f"{tex_label}-{section.key}" if several else tex_label
        notes = grids.notes if section is grids.sections[-1] else ()
        floats.append(_float(section, text, re.sub(r"[^A-Za-z0-9:.-]+", "-", label).strip("-"), notes))
    body = "\n\n".join(floats)
    head = f"% needs \\usepackage{{{','.join(PACKAGES)}}}\n"
    if LETTERS in body:
        head += (
            "% Some letters need XeLaTeX or LuaLaTeX and a font that has them; pdfLaTeX prints their codes.\n"
            f"{DEFINITION}\n"
        )
    return f"{head}\n{body}\n"


def _float(section: Section, caption: str, label: str, notes: Sequence[str]) -> str:
    width = max(map(_width, section.panels))
    is_wide = width > ONE_COLUMN or sum(map(len, notes)) > LONG_NOTES
    environment = "table*" if is_wide else "table"
    size = next((size for size, share in SIZES if width * share <= TEXT_WIDTH), SIZES[-1][0])
    tabulars = []
    for panel in section.panels:
        if panel.title:
            tabulars.append(f"{escape(panel.title)} \\\\[2pt]")
        is_last = panel is section.panels[-1]
        tabulars.append(_tabular(panel, section) + ("" if is_last else " \\\\\n\\noalign{\\bigskip}"))
    lines = [
        f"\\begin{{{environment}}}",
        "\\centering",
        f"\\caption{{{escape_sentence(caption)}}}",
        f"\\label{{{label}}}",
        *([size] if size else []),
        "\\par\\smallskip",
        "\\sisetup{detect-weight=true}",
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
        "\\begin{tabular}{@{}c@{}}",
        *tabulars,
        "\\end{tabular}}",
        *_notes(notes),
        f"\\end{{{environment}}}",
    ]
    return "\n".join(lines)


def _notes(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    paragraphs = [f"{escape_sentence(note)}\\par" for note in notes]
    return [
        "\\par\\medskip",
        "\\begin{minipage}{\\linewidth}\\footnotesize\\raggedright",
        *paragraphs,
        "\\end{minipage}",
    ]


def _tabular(panel: Panel, section: Section) -> str:
    """A panel as a tabular with booktabs' rules, written by pandas' Styler."""
    # Columns of one heading have one format in all panels of a section, so that the panels are equally wide.
    formats = [_number_format(_cells_under(column, section.panels)) for column in panel.columns]
    counts = panel.label_heads[1:]
    heads = [("", escape(head)) for head in counts]
    heads += [(escape(column.group), escape(column.head)) for column in panel.columns]
    rows = [[*(f"{{{escape(text)}}}" for text in row.labels[1:]), *map(_cell, row.cells)] for row in panel.rows]
    best = [[False] * len(counts) + [cell.best for cell in row.cells] for row in panel.rows]
    # Styler needs unique headings and labels, and these may repeat, so the frame has numbers in their places.
    numbers = range(len(heads))
    has_groups = any(group for group, _ in heads)
    frame = pd.DataFrame(rows, columns=numbers, dtype=object)
    if has_groups:
        frame.columns = pd.MultiIndex.from_tuples([(heads[number][0], number) for number in numbers])
    frame.columns = frame.columns.set_names([*[""] * has_groups, escape(panel.label_heads[0])])
    styler = frame.style.apply(lambda _: np.where(best, "font-weight: bold", ""), axis=None)
    styler = styler.format_index(_by_number(_labels(panel, section.ruled)), axis=0)
    styler = styler.format_index(_by_number([head for _, head in heads]), axis=1, level=int(has_groups))
    text = styler.to_latex(
        column_format=f"l{'r' * len(counts)}{''.join(number.column() for number in formats)}",
        hrules=True,
        siunitx=True,
        convert_css=True,
        multicol_align="c",
    ).strip()
    groups, end_of_line, rest = text.partition("\\\\\n")
    return groups + end_of_line + _rules_under([group for group, _ in heads]) + rest if has_groups else text


def _rules_under(groups: Sequence[str]) -> str:
    """A rule under each heading of several columns; the first of these columns is the second of the tabular."""
    rules, start = "", 2
    for group, members in groupby(groups):
        end = start + len(list(members)) - 1
        rules += f"\\cmidrule(lr){{{start}-{end}}}\n" if group and end > start else ""
        start = end + 1
    return rules


def _cells_under(column: GridColumn, panels: Sequence[Panel]) -> list[GridCell]:
    """The cells of a column, and of the columns with the same heading in other panels."""
    return [
        row.cells[place]
        for panel in panels
        for place, other in enumerate(panel.columns)
        if other.title == column.title
        for row in panel.rows
    ]


def _by_number(texts: Sequence[str]) -> Callable[[object], str]:
    by_number: dict[object, str] = dict(enumerate(texts))
    return by_number.__getitem__


def _labels(panel: Panel, ruled: bool) -> list[str]:
    """The labels of the rows; a rule stands before the first row of a band."""
    labels = []
    for place, row in enumerate(panel.rows):
        is_first = ruled and place > 0 and row.band != panel.rows[place - 1].band
        labels.append(("\\midrule\n" if is_first else "") + escape(row.labels[0]))
    return labels


def _cell(cell: GridCell) -> str:
    if not cell.number:
        return f"{{{escape(cell.text)}{_mark(cell)}}}" if cell.text else "{}"
    after = _after(cell)
    return cell.number + (f"{{{after}}}" if after else "")


def _after(cell: GridCell) -> str:
    """What follows a number: its error, other text, and its mark."""
    error = f"\\,$\\pm$\\,{cell.error}" if cell.error else ""
    rest = f"\\ {escape(cell.rest)}" if cell.rest else ""
    return error + rest + _mark(cell)


def _mark(cell: GridCell) -> str:
    return f"\\,{escape(cell.mark)}" if cell.mark else ""


def _number_format(cells: Sequence[GridCell]) -> _NumberFormat:
    numbers = [cell for cell in cells if cell.number]
    whole, decimals = [1], [0]
    for cell in numbers:
        before, _, behind = cell.number.lstrip("-").partition(".")
        whole.append(len(before))
        decimals.append(len(behind))
    sign = "-" if any(cell.number.startswith("-") for cell in numbers) else ""
    widest = max(numbers, key=_letters_after, default=None)
    return _NumberFormat(sign, max(whole), max(decimals), "" if widest is None else _after(widest))


def _letters_after(cell: GridCell) -> int:
    return len(cell.text) - len(cell.number) + 2 * len(cell.mark)


def _width(panel: Panel) -> float:
    """About how many points wide a panel is in 10 pt type."""
    label_lines = [panel.label_heads, *(row.labels for row in panel.rows)]
    letters = sum(max(map(len, texts)) for texts in zip(*label_lines, strict=True))
    for place, column in enumerate(panel.columns):
        cells = [row.cells[place] for row in panel.rows]
        number = _number_format(cells)
        digits = len(number.sign) + number.whole + number.decimals + (number.decimals > 0)
        content = digits + max(map(_letters_after, cells), default=0)
        letters += max(content, len(column.head), *(len(cell.rest) for cell in cells))
    return letters * LETTER + GAP * (len(panel.label_heads) + len(panel.columns))
