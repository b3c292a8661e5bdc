"""`ugbench table`: score records as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import Json, Results
from ugbench.cli.output import say

if TYPE_CHECKING:
    from ugbench.runs.method_description import MethodDescription
    from ugbench.runs.run import Run


def table(
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAMES", help="Columns; default: every metric there is."),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="NAME", help="Rows of this data set only; repeatable."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", metavar="NAME", help="Scores of this protocol only: target, authors2019, …"),
    ] = None,
    published: Annotated[
        list[str] | None,
        typer.Option("--published", metavar="NAMES", help="Published numbers in columns of their own: table1, …"),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns", metavar="NAMES", help="What runs took: parameters, flops, hours; maps: CAM mass of each."
        ),
    ] = None,
    votes: Annotated[
        bool, typer.Option("--votes", help="What raters preferred (`ugbench vote`); scores beside it by --metric.")
    ] = False,
    across: Annotated[
        bool, typer.Option("--across", help="Add each method's mean rank and largest regret over data sets.")
    ] = False,
    format_: Annotated[
        Literal["terminal", "md", "latex", "csv", "html", "json"],
        typer.Option("--format", help="Of the output."),
    ] = "terminal",
    output: Annotated[
        Path | None,
        options.path_option("--output", "file", "FILE", "Write it here instead of printing it."),
    ] = None,
    results: Results = options.RESULTS,
    as_json: Json = False,
) -> None:
    """Print the scores under --results. Protocols are never mixed in a column; the best is bold.

    \b
    Examples:
      ugbench table
      ugbench table --metric kid,lpips --format latex --output table.tex
      ugbench table --metric kid --published table3
      ugbench table --protocol target
      ugbench table --columns parameters,flops,hours
      ugbench table --votes --published table2
    """
    from ugbench.analysis import differences
    from ugbench.runs.filters import select_datasets
    from ugbench.scoring.record import read_all
    from ugbench.tables.build import build_table
    from ugbench.tables.columns.published import add_published
    from ugbench.tables.columns.run_columns import add_run_columns
    from ugbench.tables.formats import render
    from ugbench.tables.model import Table

    wanted = dataset or ()
    built, names = Table(), options.split_list(metrics, "--metric")
    if names or not votes:
        mend = "run `ugbench eval` to make some"
        records = select_datasets(read_all(results), lambda one: one.dataset, wanted, results, "scores", mend)
        built = build_table(records, names, differences=differences.read_all(results), protocol=protocol)
    if votes:
        from ugbench.tables.columns.votes import add_votes
        from ugbench.votes.store import read_polls

        mend = "`ugbench vote --methods A,B --dataset D` serves the page that takes them"
        kept = read_polls(results)
        polls = select_datasets(kept, lambda poll: poll.dataset, wanted, results, "votes", mend)
        built = add_votes(built, {poll: kept[poll] for poll in polls})
    built = add_published(built, options.split_list(published, "--published"))
    built = add_run_columns(built, options.split_list(columns, "--columns"), results, count_missing)
    if across:
        from ugbench.tables.columns.ranking import add_rankings

        built = add_rankings(built)
    text = render(built, "json" if as_json else format_, plain=output is not None)
    if output is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        say(f"written to {output}")


def count_missing(run: Run) -> MethodDescription:
    """Counts the parameters and FLOPs of a run that has stored none; loads torch and the run's method."""
    from ugbench.training.counts import count

    return count(run.config.method, run.config.method_config())
