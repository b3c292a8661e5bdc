"""Tables and figures of a results folder in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ugbench.api.arguments import (
    PathLike,
    check_at_least,
    check_direction_name,
    conditions,
    listed,
    mapping,
    names,
    results_folder,
)
from ugbench.api.run import Run
from ugbench.api.shown import warn
from ugbench.api.wording import with_argument_names
from ugbench.direction import Direction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ugbench.tables.frame import TableFrame


@with_argument_names
def table(
    results: PathLike | None = None,
    *,
    metrics: str | Iterable[str] | None = None,
    dataset: str | Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
    protocol: str | None = None,
    published: str | Iterable[str] | None = None,
    columns: str | Iterable[str] | None = None,
    votes: bool = False,
    labels: Mapping[str, str] | None = None,
    sort: str | None = None,
    order: Sequence[str] = (),
) -> TableFrame:
    """The scores of a results folder as a table, as `ugbench table`. Nothing is computed.

    Args:
        results: folder of runs and scores; default: UGBENCH_RESULTS, else `results`.
        metrics: names of metrics, as columns; None for all that were scored.
        dataset: one data set or several, by the names of their folders under results; None for all.
        where: values of config fields that the runs must have, as {"steps": 200}.
        protocol: only scores of this protocol.
        published: names of published tables to add: table1, table2, table3, remeasured, cleanfid, mmgeneration.
        columns: any of parameters, flops, seconds, hours and maps, to add.
        votes: add what raters preferred in `ugbench vote`.
        labels: display names for `style`, by the registered names of rows, methods and data sets.
        sort: sort rows by a metric, best first, or by "name".
        order: names of rows that come first.
    Returns:
        A DataFrame with a row for each data set, direction and method. For each metric it has the raw value (column
        `kid`), its standard error (`kid_se`), the number of seeds (`kid_n_seeds`) and `kid_protocol_id`. Its `style`
        shows the table to read: scaled and rounded, with the best in bold; its `notes` are the sentences under it.
    Raises:
        UsageError: there are no scores, or none of those that were asked for.
        UnknownName: no metric, protocol, published table, column, row or config field has a given name.
        RunError: a file of records is damaged.
    """
    from ugbench.tables.frame import to_frame
    from ugbench.tables.of_results import TableContents, table_of_results
    from ugbench.training.counts import count_run

    contents = TableContents(
        metrics=names(metrics),
        datasets=listed(dataset),
        conditions=conditions(where),
        protocol=protocol,
        published=names(published),
        columns=names(columns),
        votes=votes,
        sort=sort,
        order=order,
        labels=mapping("labels", labels, '{"cut": "CUT"}'),
    )
    return to_frame(table_of_results(results_folder(results), contents, count_run, warn))


@with_argument_names
def figure(
    name: str,
    results: PathLike | None = None,
    *,
    runs: str | Run | Sequence[str | Run] = (),
    dataset: str | None = None,
    where: Mapping[str, object] | None = None,
    direction: Direction | None = None,
    rows: int = 6,
    every: int | None = None,
    metrics: str | Iterable[str] | None = None,
    file_names: bool = False,
) -> Figure:
    """A figure of a results folder, as `ugbench figure`; `savefig` writes it to a file.

    Args:
        name: name of the figure, such as comparison, losses or scores; `ugbench figure --list` prints all.
        results: folder of runs; default: UGBENCH_RESULTS, else `results`.
        runs: the run or the runs to draw, in order: runs, ids or folders; empty for all.
        dataset: draw only runs of this data set, by the name of its folder under results.
        where: values of config fields that the runs must have, as {"steps": 200}.
        direction: draw only this direction.
        rows: largest number of images for each direction, in figures of images; 1 or more.
        every: draw every n-th test image in the order of their names, in place of `rows` of them; 1 or more.
        metrics: the metrics that the figure `scores` shows (None for all), or the one by which `best_and_worst` ranks.
        file_names: write the name of each image beside its row, in figures of images.
    Raises:
        UnknownName: there is no such figure.
        UsageError: there are no runs, or nothing to draw.
        RunError: no run matches, or a file of a run is damaged.
    """
    from ugbench import registry
    from ugbench.figures._context import FigureContext
    from ugbench.runs.readable import choose_runs

    check_at_least(1, {"rows": rows, "every": every})
    folder = results_folder(results)
    module = registry.load("figures", name)
    several = [runs] if isinstance(runs, str | Run) else runs
    wanted = [run.stored if isinstance(run, Run) else run for run in several]
    chosen = choose_runs(wanted, folder, warn, conditions(where))
    context = FigureContext(
        folder, chosen, dataset, check_direction_name(direction), rows, names(metrics), file_names, every
    )
    drawn: Figure = module.draw(context)
    return drawn
