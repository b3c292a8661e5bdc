"""The report as one HTML file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from markupsafe import Markup

from ugbench import templates
from ugbench.data.progress import Progress
from ugbench.figures import _style
from ugbench.file_names import readable
from ugbench.report.contents import Report, Section
from ugbench.runs.output_file import output_file
from ugbench.tables.formats import html
from ugbench.tables.layouts import lay_out
from ugbench.version import VERSION

ON_DARK = {"#000000": "#e8e8e8"}  # black lines cannot be seen on dark pages; other colours are lightened
SHARES_ON_DARK = (75, 55, 90)  # percent of a colour, and of its darker and lighter shade, that is mixed with white


def write(report: Report, file: Path, progress: Progress | None = None) -> int:
    """Write the page piece by piece, so that memory does not grow with the number of images.

    The page holds its images, and its content security policy forbids loading or running anything else. All texts from
    users are escaped. Equal reports give equal bytes.

    Args:
        progress: called after each thumbnail with the number of those that are written and of all.
    Returns:
        The size of the page in bytes.
    Raises:
        DataError: an image cannot be read.
        DiskError: the file cannot be written. In both cases an older file stays.
    """
    with output_file(file) as path, path.open("wb") as page:
        return sum(page.write(readable(piece).encode()) for piece in _pieces(report, progress)) + page.write(b"\n")


def _pieces(report: Report, progress: Progress | None) -> Iterator[str]:
    css = html.style() + templates.read("ugbench.report", "report.css") + _colours_on_dark(report)
    script = templates.read("ugbench.report", "report.js")
    return (
        templates.environment("ugbench.report")
        .get_template("report.html")
        .generate(
            report=report,
            version=VERSION,
            tables=None if report.table is None else Markup(html.fragment(lay_out(report.table, "blocks"))),
            css=Markup(css),
            script=Markup(script),
            policy=_policy(css, script),
            thumbnails=_thumbnails(report, progress),
        )
    )


def _thumbnails(report: Report, progress: Progress | None) -> Callable[[Section], Iterator[Markup]]:
    """A function that makes the thumbnails of a section, as the items of a JSON list."""
    total = sum(len(section.thumbnails.files) for section in report.sections)
    numbers = itertools.count(1)

    def items(section: Section) -> Iterator[Markup]:
        for place, uri in enumerate(section.thumbnails.uris()):
            yield Markup("," if place else "") + Markup(f'"{uri}"')
            if progress is not None:
                progress(next(numbers), total)

    return items


def _policy(css: str, script: str) -> str:
    """The content security policy: only this style, this script (by their digests) and data: images."""
    style_digest, script_digest = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (css, script)
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_digest}'; script-src 'sha256-{script_digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _colours_on_dark(report: Report) -> str:
    """CSS that makes the lines of drawings lighter on a dark page: those of methods, and those of layers by depth."""
    shares = [share for share in SHARES_ON_DARK for _ in _style.PALETTE]
    colours = {
        colour: ON_DARK.get(colour, f"color-mix(in srgb, {colour} {share}%, white)")
        for colour, share in zip(_style.colours(), shares, strict=True)
    }
    for layers in {section.layers for section in report.sections}:
        colours |= zip(_style.sequential_colours(layers), _style.sequential_colours(layers, dark=True), strict=True)
    # A selector with an ancestor would miss markers and ticks, which browsers copy to where they are used.
    rules = [
        f'[{name}="{colour.lower()}"] {{ {name}: {on_dark}; }}\n'
        for colour, on_dark in colours.items()
        for name in ("stroke", "fill")
    ]
    return f"@media (prefers-color-scheme: dark) {{\n{''.join(rules)}}}\n"
