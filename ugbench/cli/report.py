"""`ugbench report`: everything under a results folder as one HTML page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from ugbench.cli.options import RESULTS, Json, LocatedDatasets, Results, Where, path_option
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.output_file import check_output_file
from ugbench.cli.parse import parse_sets


def report(
    output: Annotated[
        Path, path_option("--output", "file", "FILE", "HTML file to write; everything is inside this one file.")
    ] = Path("report.html"),
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
    """
    from ugbench.cli.chosen_datasets import locate_datasets
    from ugbench.cli.chosen_runs import readable_runs
    from ugbench.report.contents import collect_report
    from ugbench.report.html_page import render
    from ugbench.runs.output_file import write_output

    check_output_file(output)
    with ExitStack() as bars:

        def begin(description: str) -> Callable[[int, int], None]:
            bars.close()
            return bars.enter_context(progress_callback(description))

        readable_runs(results)  # names those that cannot be read
        contents = collect_report(results, locate_datasets(dataset or (), results), begin, parse_sets(where, "--where"))
    text = render(contents)
    write_output(output, text)
    for note in contents.missing:
        log(note)
    size = len(text.encode())
    log(f"written to {output} ({size / 1e6:.1f} MB)")
    if as_json:
        print_json({"report": output, "bytes": size})
