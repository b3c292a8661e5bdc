"""The report as the text of one HTML file that loads nothing."""

from __future__ import annotations

import base64
import hashlib

from markupsafe import Markup

from ugbench import __version__, templates
from ugbench.figures import _style
from ugbench.file_names import readable
from ugbench.report import charts
from ugbench.report.contents import Report
from ugbench.tables.formats import html

MOST_CASES = 4  # at most so many best, and so many worst, outputs are shown per run
ON_DARK = {"#000000": "#e8e8e8"}  # black lines cannot be seen on dark pages; other colours are lightened
SHARES_ON_DARK = (75, 55, 90)  # percent of a colour, and of its darker and lighter shade, that is mixed with white


def render(report: Report) -> str:
    """The page. It holds its images, and its content security policy forbids loading or running anything else.

    All texts from users are escaped. Equal reports give equal bytes.
    """
    css = html.style() + templates.read("ugbench.report", "report.css") + _colour_classes(report)
    script = templates.read("ugbench.report", "report.js")
    return readable(
        templates.environment("ugbench.report")
        .get_template("report.html")
        .render(
            report=report,
            version=__version__,
            tables=None if report.table is None else Markup(html.fragment(report.table)),
            css=Markup(css),
            script=Markup(script),
            policy=_policy(css, script),
            charts=charts,
            markers=[charts.marker_path(name) for name in _style.MARKERS],
            most_cases=MOST_CASES,
        )
        + "\n"
    )


def _policy(css: str, script: str) -> str:
    """The content security policy: only this style, this script (by their digests) and data: images."""
    style_digest, script_digest = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (css, script)
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_digest}'; script-src 'sha256-{script_digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _colour_classes(report: Report) -> str:
    """CSS classes of line colours: c0, c1, … of methods and d0, d1, … of layers by depth, for light and dark pages."""
    rho_panels = [panel for section in report.sections for _, panels in section.rhos for panel in panels]
    layers = max((len(panel.lines) for panel in rho_panels), default=0)
    light = _classes("c", _style.colours()) + _classes("d", _style.sequential_colours(layers))
    shares = [share for share in SHARES_ON_DARK for _ in _style.PALETTE]
    method_colours = [
        ON_DARK.get(colour, f"color-mix(in srgb, {colour} {share}%, white)")
        for colour, share in zip(_style.colours(), shares, strict=True)
    ]
    dark = _classes("c", method_colours) + _classes("d", _style.sequential_colours(layers, dark=True))
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _classes(letter: str, colours: list[str]) -> str:
    return "".join(f".{letter}{index} {{ --line: {colour}; }}\n" for index, colour in enumerate(colours))
