"""Makes the table of a results folder: its scores, and the votes and numbers that were asked for beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ugbench.analysis import differences
from ugbench.runs.configurations import configurations, select_where
from ugbench.runs.dataset_file import current_images
from ugbench.runs.filters import select_datasets
from ugbench.runs.readable import readable_runs
from ugbench.scoring.record import read_all
from ugbench.tables.build import build_table
from ugbench.tables.columns.cost import CountMissing
from ugbench.tables.columns.published import add_published, unscored_datasets
from ugbench.tables.columns.ranking import add_rankings
from ugbench.tables.columns.run_columns import add_run_columns
from ugbench.tables.display import DisplayNames
from ugbench.tables.model import Table, order_rows
from ugbench.tables.records import of_runs


@dataclass(frozen=True)
class TableContents:
    """What a table of results shows.

    Attributes:
        metrics: as columns; empty for all that were scored, and with `votes` for none.
        datasets: names of folders under results; empty for all.
        conditions: values by the names of config fields, which the runs must have.
        protocol: only scores under the protocol of this name; None for all.
        published: names of published tables, see `ugbench.published`.
        columns: any of parameters, flops, seconds, hours and maps.
        votes: also what raters preferred.
        across: also the mean rank and the largest regret over data sets.
        sort: a metric of the table, or `name`; None for the usual order.
        order: names of rows that come first.
        labels: display names by the registered names of rows, methods and data sets.
    """

    metrics: Sequence[str] = ()
    datasets: Sequence[str] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)
    protocol: str | None = None
    published: Sequence[str] = ()
    columns: Sequence[str] = ()
    votes: bool = False
    across: bool = False
    sort: str | None = None
    order: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def table_of_results(
    results: Path,
    contents: TableContents,
    count_missing: CountMissing,
    log: Callable[[str], None] = lambda _text: None,
    registered_names: bool = False,
) -> Table:
    """The table of a results folder.

    Args:
        count_missing: see `ugbench.tables.columns.cost.add_cost`.
        log: called with a sentence for each run that cannot be read.
        registered_names: rows keep their registered names, for formats that programs read.
    Raises:
        UsageError: there are no scores, or none of those that were asked for.
        UnknownName: no metric, protocol, published table, column, row or field has a given name.
        RunError: a file of records is damaged.
    """
    names = DisplayNames(contents.labels)
    display = None if registered_names else names
    table = Table(names=display)
    records = read_all(results)
    unscored = unscored_datasets(contents.datasets, {score.dataset for score in records}, contents.published)
    scored = [name for name in contents.datasets if name not in unscored]
    if (contents.metrics or not contents.votes) and (scored or not unscored):
        fix = "run `ugbench eval` to make some"
        records = select_datasets(records, lambda score: score.dataset, scored, results, "scores", fix)
        runs = readable_runs(results, log)
        if contents.conditions:
            records = of_runs(records, {run.id for run in select_where(runs, contents.conditions)})
        pairs, images = differences.read_all(results), current_images(results)
        table = build_table(records, contents.metrics, pairs, contents.protocol, configurations(runs), images, display)
    if contents.votes:
        table = _with_votes(table, results, contents.datasets)
    table = add_published(table, contents.published, unscored)
    table = add_run_columns(table, contents.columns, results, count_missing)
    names.check(table.rows)
    table = order_rows(table, contents.sort, contents.order)
    return add_rankings(table) if contents.across else table


def _with_votes(table: Table, results: Path, datasets: Sequence[str]) -> Table:
    from ugbench.tables.columns.votes import add_votes
    from ugbench.votes.store import read_polls

    fix = "`ugbench vote --methods A,B --dataset D` serves the page that takes them"
    votes_by_poll = read_polls(results)
    polls = select_datasets(votes_by_poll, lambda poll: poll.dataset, datasets, results, "votes", fix)
    return add_votes(table, {poll: votes_by_poll[poll] for poll in polls})
