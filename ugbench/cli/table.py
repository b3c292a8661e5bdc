"""`ugbench table`: print score records as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option

from ugbench.cli.options import RESULTS, Json, OnlyDatasets, Results, Where, path_option
from ugbench.cli.output import log
from ugbench.cli.output_file import check_output_file
from ugbench.cli.parse import parse_labels, parse_sets, split_list
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.runs.method_description import MethodDescription
    from ugbench.runs.run import Run


def table(
    metrics: Annotated[
        list[str] | None,
        Option("--metric", metavar="NAMES", help="Metrics to show as columns; default: all that were scored."),
    ] = None,
    dataset: OnlyDatasets = None,
    where: Where = None,
    protocol: Annotated[
        str | None,
        Option("--protocol", metavar="NAME", help="Show only scores of this protocol: target, authors2019, …"),
    ] = None,
    published: Annotated[
        list[str] | None,
        Option(
            "--published",
            metavar="NAMES",
            help="Add published numbers: table1, table2, table3, remeasured, cleanfid, mmgeneration.",
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        Option(
            "--columns",
            metavar="NAMES",
            help="Add columns: parameters, flops, seconds (per step) and hours of the runs; maps: the CAM mass of each "
            "attention map.",
        ),
    ] = None,
    votes: Annotated[
        bool, Option("--votes", help="Show what raters preferred in `ugbench vote`; --metric adds columns of scores.")
    ] = False,
    across: Annotated[
        bool, Option("--across", help="Add the mean rank and largest regret of each method over data sets.")
    ] = False,
    layout: Annotated[
        Literal["blocks", "paper"] | None,
        Option(
            "--layout",
            help="blocks: a part for each data set and direction, with metrics as columns. paper: a part for each "
            "metric, with data sets as columns and directions as panels. Default: paper for latex, else blocks.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        Option("--label", metavar="NAME=TEXT", help="Show a row, method or data set under this name; repeatable."),
    ] = None,
    sort: Annotated[
        str | None,
        Option("--sort", metavar="METRIC|name", help="Sort rows by a metric, best first, or by their shown names."),
    ] = None,
    order: Annotated[
        list[str] | None, Option("--order", metavar="NAMES", help="Rows that come first, in this order.")
    ] = None,
    caption: Annotated[
        str | None, Option("--caption", metavar="SENTENCE", help="Caption of a latex table; default: what it shows.")
    ] = None,
    tex_label: Annotated[
        str | None,
        Option("--tex-label", metavar="KEY", help="Key for \\ref of a latex table; default: tab: and the metric."),
    ] = None,
    format_: Annotated[
        Literal["terminal", "md", "latex", "csv", "html", "json"], Option("--format", help="Format of the table.")
    ] = "terminal",
    output: Annotated[
        Path | None, path_option("--output", "file", "FILE", "Write the table to this file instead of printing it.")
    ] = None,
    results: Results = RESULTS,
    as_json: Json = False,
) -> None:
    """Print the scores under --results. Protocols are never mixed in a column; the best is bold.

    Seeds are averaged within one configuration only: runs of a method that differ in any other field of their config
    are rows of their own.

    \b
    Examples:
      ugbench table
      ugbench table --metric kid --layout paper --sort kid
      ugbench table --metric kid --format latex --label ugatit=Ours --order ugatit --output table.tex
      ugbench table --metric kid --published table3
      ugbench table --dataset horse2zebra --published cleanfid,mmgeneration
      ugbench table --protocol target
      ugbench table --where steps=30 --where precision=fp32
      ugbench table --columns parameters,flops,seconds
      ugbench table --votes --published table2 --layout paper
    """
    from ugbench.runs.output_file import write_output
    from ugbench.tables.formats import RAW, render
    from ugbench.tables.of_results import TableContents, table_of_results

    check_output_file(output)
    format_ = "json" if as_json else format_
    if format_ != "latex" and (caption is not None or tex_label is not None):
        option = "--tex-label" if caption is None else "--caption"
        raise UsageError(f"{option} is for --format latex, and the format is {format_}; leave it out.")
    contents = TableContents(
        metrics=split_list(metrics, "--metric"),
        datasets=dataset or (),
        conditions=parse_sets(where, "--where"),
        protocol=protocol,
        published=split_list(published, "--published"),
        columns=split_list(columns, "--columns"),
        votes=votes,
        across=across,
        sort=sort,
        order=split_list(order, "--order"),
        labels=parse_labels(label),
    )
    built = table_of_results(results, contents, count_missing, log, registered_names=format_ in RAW)
    text = render(built, format_, layout, plain=output is not None, caption=caption, tex_label=tex_label)
    if output is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        write_output(output, text)
        log(f"written to {output}")


def count_missing(run: Run) -> MethodDescription:
    """Count the parameters and FLOPs of a run that has stored none; this loads torch and the run's method."""
    from ugbench.training.counts import count_run

    return count_run(run)
