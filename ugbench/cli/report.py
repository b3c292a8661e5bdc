"""`ugbench report`: everything under a results folder as one HTML page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ugbench.cli import options
from ugbench.cli.options import Json, Results
from ugbench.cli.output import print_json, progress_callback, say


def report(
    output: Annotated[
        Path,
        options.path_option("--output", "file", "FILE", "The page; one file that loads nothing."),
    ] = Path("report.html"),
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", metavar="NAME", help="This data set only; repeatable.")
    ] = None,
    results: Results = options.RESULTS,
    as_json: Json = False,
) -> None:
    """Write scores, images, training curves and configs under --results to one HTML file.

    It shows what is there: nothing is translated or scored for it, see `ugbench eval`.

    \b
    Examples:
      ugbench report
      ugbench report --dataset dial-s1-t1-64 --output dial.html
    """
    from ugbench.report.contents import collect_report
    from ugbench.report.html_page import render

    with ExitStack() as bars:

        def begin(what: str) -> Callable[[int, int], None]:
            bars.close()
            return bars.enter_context(progress_callback(what))

        found = collect_report(results, dataset or (), begin)
    text = render(found)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8", newline="\n")
    for note in found.missing:
        say(note)
    say(f"written to {output} ({output.stat().st_size / 1e6:.1f} MB)")
    if as_json:
        print_json({"report": output, "bytes": output.stat().st_size})
