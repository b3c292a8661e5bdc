"""`ugbench figure`: draw a figure by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ugbench.cli.options import RESULTS, Json, Results, Where, path_option
from ugbench.cli.output import log, print_json, print_result
from ugbench.cli.output_file import check_output_file
from ugbench.cli.parse import parse_sets, split_list
from ugbench.direction import Direction
from ugbench.errors import UsageError

ROWS = 6  # images of a figure of images


def figure(
    name: Annotated[str | None, Argument(metavar="NAME", help="Name of the figure; --list prints all names.")] = None,
    list_them: Annotated[bool, Option("--list", help="Print the name and the title of every figure.")] = False,
    output: Annotated[
        Path | None, path_option("--output", "file", "FILE", "PNG or PDF file to write; default: NAME.png.")
    ] = None,
    runs: Annotated[
        list[str] | None, Option("--run", metavar="RUN", help="Run to show; repeatable; default: all runs.")
    ] = None,
    dataset: Annotated[
        str | None,
        Option(
            "--dataset",
            metavar="NAME|DIR",
            help="Show only runs of this data set; a path says where its images lie now, which is remembered.",
        ),
    ] = None,
    where: Where = None,
    direction: Annotated[Direction | None, Option("--direction", help="Direction to show; default: both.")] = None,
    rows: Annotated[
        int | None,
        Option("--rows", metavar="N", min=1, help=f"Number of images to show, in figures of images; default: {ROWS}."),
    ] = None,
    every: Annotated[
        int | None,
        Option(
            "--every",
            metavar="N",
            min=1,
            help="Show every N-th test image in the order of their names, in place of --rows images.",
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        Option(
            "--metric",
            metavar="NAMES",
            help="Metrics to show, in the figure `scores` (default: all), or the one that ranks, in `best_and_worst`.",
        ),
    ] = None,
    names: Annotated[
        bool, Option("--names", help="Write the name of each image beside its row, in figures of images.")
    ] = False,
    results: Results = RESULTS,
    as_json: Json = False,
) -> None:
    """Draw a figure from the runs under --results.

    \b
    Examples:
      ugbench figure --list
      ugbench figure comparison --output comparison.pdf --rows 4
      ugbench figure best_and_worst --run RUN --metric kid --direction A2B
    """
    from ugbench import registry

    if list_them:
        titles = {
            figure_name: registry.load("figures", figure_name).TITLE for figure_name in registry.modules("figures")
        }
        content = [{"name": figure_name, "title": title} for figure_name, title in titles.items()]
        print_result(as_json, content, ("figure", "shows"), list(titles.items()))
        return
    if rows is not None and every is not None:
        raise UsageError(f"--rows {rows} and --every {every} exclude each other; give one of them.")
    if name is None:
        raise UsageError("which figure? Give a NAME; `ugbench figure --list` names them.")

    from ugbench.cli.chosen_datasets import locate_datasets
    from ugbench.figures._context import FigureContext, save
    from ugbench.runs.readable import choose_runs

    module = registry.load("figures", name)
    chosen = choose_runs(runs or [], results, log, parse_sets(where, "--where"))
    file = output or Path(f"{name}.png")
    check_output_file(file)
    chosen_metrics = split_list(metrics, "--metric")
    located = locate_datasets([dataset], results, chosen if runs else ()) if dataset is not None else [None]
    context = FigureContext(
        results, chosen, located[0], direction, rows or ROWS, chosen_metrics, names=names, every=every
    )
    save(module.draw(context), file)
    log(f"written to {file}")
    if as_json:
        print_json({"figure": name, "output": file})
