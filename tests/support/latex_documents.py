"""Documents of conferences that hold a table, compiled by the system's TeX."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CONFERENCES = {
    "icml": ("twocolumn", "textwidth=6.75in, textheight=9in, columnsep=0.25in"),
    "iclr": ("onecolumn", "textwidth=5.5in, textheight=9in"),
}
"""Options of the class article, and of geometry."""

ALLOWED = {"booktabs", "amsmath", "siunitx", "multirow", "graphicx", "caption", "threeparttable", "array", "adjustbox"}
COMPLAINTS = ("Overfull", "Warning", "Undefined", "Missing character", "Float too large")


def packages_of(fragment: str) -> list[str]:
    """The packages that the first line of a fragment names."""
    named = re.match(r"% needs \\usepackage\{([\w,]+)\}\n", fragment)
    assert named is not None
    return named[1].split(",")


def compile_fragment(fragment: str, conference: str, folder: Path) -> tuple[Path, list[str]]:
    """Compile a document that loads the packages that the fragment names, and no others.

    Returns:
        the PDF, and the lines of the log that complain.
    """
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed: apt install texlive-latex-recommended texlive-science")
    columns, geometry = CONFERENCES[conference]
    head = f"\\documentclass[{columns}]{{article}}\n\\usepackage[{geometry}]{{geometry}}\n"
    head += f"\\usepackage{{{','.join(packages_of(fragment))}}}\n"
    text = f"{head}\\begin{{document}}\nWords.\n\\input{{table}}\n\\end{{document}}\n"
    (folder / "table.tex").write_text(fragment, encoding="utf-8")
    (folder / "paper.tex").write_text(text, encoding="utf-8")
    for _ in range(2):  # the second time, labels are known
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        assert done.returncode == 0, done.stdout[-2000:]
    log = (folder / "paper.log").read_text(encoding="utf-8", errors="replace")
    return folder / "paper.pdf", [line for line in log.splitlines() if any(word in line for word in COMPLAINTS)]


Word = tuple[str, float, float]
"""A word with its left and right edge in points."""


def lines_of(pdf: Path) -> list[list[Word]]:
    """The lines of a PDF from top to bottom, each as its words from left to right."""
    done = subprocess.run(["pdftotext", "-bbox", pdf, "-"], capture_output=True, text=True, check=True)
    pattern = r'xMin="([\d.]+)" yMin="[\d.]+" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)<'
    lines: dict[int, list[Word]] = {}
    for left, right, bottom, word in re.findall(pattern, done.stdout):
        lines.setdefault(round(float(bottom) / 3), []).append((word, float(left), float(right)))
    return [sorted(lines[place], key=lambda word: word[1]) for place in sorted(lines)]
