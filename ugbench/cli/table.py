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
            help="Add columns: parameters, flops and hours of the runs; maps: the CAM mass of each attention map.",
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
      ugbench table --columns parameters,flops,hours
      ugbench table --votes --published table2 --layout paper
    """
    from ugbench.analysis import differences
    from ugbench.cli.chosen_runs import readable_runs
    from ugbench.runs.configurations import configurations, select_where
    from ugbench.runs.dataset_file import current_images
    from ugbench.runs.filters import select_datasets
    from ugbench.runs.output_file import write_output
    from ugbench.scoring.record import read_all
    from ugbench.tables.build import build_table
    from ugbench.tables.columns.published import add_published, unscored_datasets
    from ugbench.tables.columns.ranking import add_rankings
    from ugbench.tables.columns.run_columns import add_run_columns
    from ugbench.tables.display import DisplayNames
    from ugbench.tables.formats import RAW, render
    from ugbench.tables.model import Table, order_rows
    from ugbench.tables.records import of_runs

    check_output_file(output)
    format_ = "json" if as_json else format_
    if format_ != "latex" and (caption is not None or tex_label is not None):
        option = "--tex-label" if caption is None else "--caption"
        raise UsageError(f"{option} is for --format latex, and the format is {format_}; leave it out.")
    display = None if format_ in RAW else DisplayNames(parse_labels(label))
    datasets = dataset or ()
    built, names, publications = (
        Table(names=display),
        split_list(metrics, "--metric"),
        split_list(published, "--published"),
    )
    all_records = read_all(results)
    unscored = unscored_datasets(datasets, {score.dataset for score in all_records}, publications)
    scored = [name for name in datasets if name not in unscored]
    if (names or not votes) and (scored or not unscored):
        fix = "run `ugbench eval` to make some"
        records = select_datasets(all_records, lambda score: score.dataset, scored, results, "scores", fix)
        runs = readable_runs(results)
        if conditions := parse_sets(where, "--where"):
            records = of_runs(records, {run.id for run in select_where(runs, conditions)})
        pairs, images = differences.read_all(results), current_images(results)
        built = build_table(records, names, pairs, protocol, configurations(runs), images, display)
    if votes:
        from ugbench.tables.columns.votes import add_votes
        from ugbench.votes.store import read_polls

        fix = "`ugbench vote --methods A,B --dataset D` serves the page that takes them"
        votes_by_poll = read_polls(results)
        polls = select_datasets(votes_by_poll, lambda poll: poll.dataset, datasets, results, "votes", fix)
        built = add_votes(built, {poll: votes_by_poll[poll] for poll in polls})
    built = add_published(built, publications, unscored)
    built = add_run_columns(built, split_list(columns, "--columns"), results, count_missing)
    DisplayNames(parse_labels(label)).check(built.rows)
    built = order_rows(built, sort, split_list(order, "--order"))
    if across:
        built = add_rankings(built)
    text = render(built, format_, layout, plain=output is not None, caption=caption, tex_label=tex_label)
    if output is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        write_output(output, text)
        log(f"written to {output}")


def count_missing(run: Run) -> MethodDescription:
    """Count the parameters and FLOPs of a run that has stored none; this loads torch and the run's method."""
    from ugbench.training.counts import count

    return count(run.config.method, run.config.method_config())
