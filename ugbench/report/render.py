"""The page as one HTML text that loads nothing."""

from __future__ import annotations

import base64
import hashlib

from markupsafe import Markup

from ugbench import __version__
from ugbench.figures import _style
from ugbench.report import charts
from ugbench.report.collect import Report
from ugbench.tables.formats import html

MOST_CASES = 4  # best ones and worst ones that are shown of a run
ON_DARK = {"#000000": "#e8e8e8"}  # black lines would not be seen; others are lightened
KEPT_ON_DARK = (75, 55, 90)  # per cent of a colour and of its darker and lighter shade, the rest white


def render(report: Report) -> str:
    """The page: it holds its images, and its policy forbids it to load or run anything but what is in it.

    Texts of users reach it escaped. Equal reports give equal bytes.
    """
    css = html.style() + html.read("ugbench.report", "report.css") + _colours(report)
    script = html.read("ugbench.report", "report.js")
    return (
        html.environment("ugbench.report")
        .get_template("report.html")
        .render(
            report=report,
            version=__version__,
            tables=None if report.table is None else Markup(html.fragment(report.table)),
            css=Markup(css),
            script=Markup(script),
            policy=_policy(css, script),
            charts=charts,
            markers=[charts.marker(name) for name in _style.MARKERS],
            most_cases=MOST_CASES,
        )
        + "\n"
    )


def _policy(css: str, script: str) -> str:
    """The page's content security policy: its own style and script by their digests, and data: images."""
    own = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (css, script))
    style_digest, script_digest = own
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_digest}'; script-src 'sha256-{script_digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _colours(report: Report) -> str:
    """Classes of line colours: c0 … of methods, d0 … of layers by depth, each for light and for dark pages."""
    layers = max((len(panel.lines) for one in report.sections for _, own in one.rhos for panel in own), default=0)
    light = _classes("c", _style.colours()) + _classes("d", _style.shades(layers))
    kept = [share for share in KEPT_ON_DARK for _ in _style.PALETTE]
    dark = _classes(
        "c",
        [
            ON_DARK.get(colour, f"color-mix(in srgb, {colour} {share}%, white)")
            for colour, share in zip(_style.colours(), kept, strict=True)
        ],
    )
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}{_classes('d', _style.shades(layers, dark=True))}}}\n"


def _classes(letter: str, colours: list[str]) -> str:
    return "".join(f".{letter}{place} {{ --line: {colour}; }}\n" for place, colour in enumerate(colours))
