"""The order of rows: natural, by name, by a metric, and with chosen rows first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ugbench.errors import UnknownName
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.display import DisplayNames
from ugbench.tables.layouts import lay_out
from ugbench.tables.model import Table, order_rows
from ugbench.tables.rows import natural

Make = Callable[..., ScoreRecord]


def shown(table: Table, layout: str = "blocks") -> list[list[str]]:
    """The labels of each panel's rows."""
    panels = [panel for section in lay_out(table, layout).sections for panel in section.panels]
    return [[row.labels[0] for row in panel.rows] for panel in panels]


@pytest.fixture
def table(make_record: Make) -> Table:
    """KIDs on two data sets, of which `unit` lacks one; precision ranks the other way round."""
    values = {"identity": (0.0, 0.0), "real": (0.0, 0.0), "cut": (0.1, 0.9), "ugatit": (0.3, 0.2), "unit": (0.2, None)}
    records = [
        make_record(metric, method, value, dataset=dataset)
        for method, of_method in values.items()
        for dataset, value in zip(("dial", "zebras"), of_method, strict=True)
        for metric in ("kid", "precision")
        if value is not None
    ]
    return build_table(records, names=DisplayNames({"cut": "Zeta"}))


def test_numbers_in_names_go_by_their_value(make_record: Make) -> None:
    names = ["unit10", "unit9", "unit", "rho1", "rho05", "unit9b"]
    records = [make_record("kid", name, 0.1, dataset=data) for name in names for data in ("set10", "set9")]
    table = build_table(records)
    assert [block.dataset for block in table.blocks] == ["set9", "set10"]
    assert shown(table)[0] == ["rho05", "rho1", "unit", "unit9", "unit9b", "unit10"]
    assert natural("a2") < natural("a10") < natural("b1")


def test_a_metric_sorts_the_rows_of_each_block_best_first(table: Table) -> None:
    assert shown(order_rows(table, "kid")) == [
        ["identity", "Zeta", "UNIT", "U-GAT-IT", "real"],
        ["identity", "U-GAT-IT", "Zeta", "real"],
    ]
    assert shown(order_rows(table, "precision"))[0] == ["identity", "U-GAT-IT", "UNIT", "Zeta", "real"]


def test_in_the_layout_of_a_paper_the_mean_over_data_sets_counts_and_rows_that_lack_some_come_last(
    table: Table,
) -> None:
    # Means of KID: 0.5 for cut, 0.25 for ugatit; unit has one data set only.
    assert shown(order_rows(table, "kid"), "paper")[0] == ["identity", "U-GAT-IT", "Zeta", "UNIT", "real"]
    assert shown(order_rows(table, "precision"), "paper")[0] == ["identity", "Zeta", "U-GAT-IT", "UNIT", "real"]


def test_names_sort_by_what_is_shown(table: Table) -> None:
    assert shown(order_rows(table, "name"))[0] == ["identity", "U-GAT-IT", "UNIT", "Zeta", "real"]


def test_chosen_rows_come_first_and_the_others_stay_sorted(table: Table) -> None:
    chosen = order_rows(table, "kid", ["unit"])
    assert shown(chosen)[0] == ["identity", "UNIT", "Zeta", "U-GAT-IT", "real"]
    assert shown(chosen, "paper")[0] == ["identity", "UNIT", "U-GAT-IT", "Zeta", "real"]
    assert shown(order_rows(table, None, ["unit", "cut"]))[0] == ["identity", "UNIT", "Zeta", "U-GAT-IT", "real"]


def test_unknown_metrics_and_rows_are_answered_with_near_ones(table: Table) -> None:
    with pytest.raises(UnknownName, match="did you mean 'kid'"):
        order_rows(table, "kidd")
    with pytest.raises(UnknownName, match="did you mean 'ugatit'"):
        order_rows(table, None, ["ugatti"])
