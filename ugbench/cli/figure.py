"""`ugbench figure`: the figures, each by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import Json, Results
from ugbench.cli.output import print_json, print_rows, say
from ugbench.errors import UsageError


def figure(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="See --list.")] = None,
    list_them: Annotated[bool, typer.Option("--list", help="Name every figure.")] = False,
    output: Annotated[
        Path | None,
        options.path_option("--output", "file", "FILE", "PNG or PDF; default: NAME.png."),
    ] = None,
    runs: Annotated[
        list[str] | None, typer.Option("--run", metavar="RUN", help="Runs to show; default: all. Repeatable.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="Only runs of this data set.")
    ] = None,
    direction: Annotated[
        Literal["A2B", "B2A"] | None, typer.Option("--direction", help="Which way; default: both.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=1, help="Images to show, in figures of images.")] = 6,
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAMES", help="Only these, in `scores`; default: all.")
    ] = None,
    results: Results = options.RESULTS,
    as_json: Json = False,
) -> None:
    """Draw a figure from the runs under --results.

    \b
    Examples:
      ugbench figure --list
      ugbench figure comparison --output comparison.pdf --rows 4
    """
    from ugbench import registry

    if list_them or name is None:
        if name is None and not list_them:
            raise UsageError("which figure? Give a NAME; `ugbench figure --list` names them.")
        titles = {each: registry.load("figures", each).TITLE for each in registry.modules("figures")}
        if as_json:
            print_json([{"name": each, "title": title} for each, title in titles.items()])
        else:
            print_rows(("figure", "shows"), list(titles.items()))
        return
    from ugbench.figures._context import FigureContext, save
    from ugbench.runs.run import find_run

    module = registry.load("figures", name)
    chosen = tuple(find_run(run, results) for run in runs or ())
    file = output or Path(f"{name}.png")
    names = options.split_list(metrics, "--metric")
    save(module.draw(FigureContext(results, chosen, dataset, direction, rows, names)), file)
    say(f"written to {file}")
    if as_json:
        print_json({"figure": name, "output": file})
