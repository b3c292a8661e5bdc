"""`ugbench report`: everything under a results folder as one HTML page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from typer import Option

from ugbench.cli.options import RESULTS, Json, LocatedDatasets, Results, Where, path_option
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.output_file import check_output_file
from ugbench.cli.parse import parse_sets


def report(
    output: Annotated[
        Path, path_option("--output", "file", "FILE", "HTML file to write; everything is inside this one file.")
    ] = Path("report.html"),
    title: Annotated[
        str | None, Option("--title", metavar="TITLE", help="Heading of the page; default: the name of --results.")
    ] = None,
    images: Annotated[
        int,
        Option(
            "--images",
            metavar="N",
            min=1,
            help="Most test images per data set and direction: the best and worst of each method, and others.",
        ),
    ] = 200,
    dataset: LocatedDatasets = None,
    where: Where = None,
    results: Results = RESULTS,
    as_json: Json = False,
) -> None:
    """Write scores, images, training curves and configs under --results to one HTML file.

    It shows what is stored; nothing is translated or scored for it (see `ugbench eval`).

    \b
    Examples:
      ugbench report
      ugbench report --dataset dial-s1-t1-64 --output dial.html
      ugbench report --title "Horses and zebras" --images 50
    """
    from ugbench.cli.chosen_datasets import locate_datasets
    from ugbench.report.contents import collect_report
    from ugbench.report.html_page import write

    check_output_file(output)
    with ExitStack() as bars:

        def begin(description: str) -> Callable[[int, int], None]:
            bars.close()
            return bars.enter_context(progress_callback(description))

        datasets = locate_datasets(dataset or (), results)
        contents = collect_report(results, datasets, begin, parse_sets(where, "--where"), images, title, log=log)
        size = write(contents, output, begin("writing images"))
    for note in contents.missing:
        log(note)
    log(f"written to {output} ({size / 1e6:.1f} MB)")
    if as_json:
        print_json({"report": output, "bytes": size})
