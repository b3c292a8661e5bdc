"""Rows and cells from records: which record counts, means, marks, columns."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from ugbench.analysis.differences import DifferenceRecord
from ugbench.errors import UnknownName, UsageError
from ugbench.scoring.protocols import protocol_id
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.cells import Cell
from ugbench.tables.formats.json import to_json
from ugbench.tables.model import Table

Make = Callable[..., ScoreRecord]
THREE_SEEDS = ((0.10, 0.03), (0.12, 0.04), (0.11, 0.05))


def cell_of(table: Table, label: str, key: str = "kid", direction: str = "A2B") -> Cell:
    blocks = [block for block in table.blocks if block.direction == direction]
    (row,) = [row for block in blocks for row in block.rows if row.label == label]
    return row.cells[key]


def test_one_seed_keeps_the_records_own_error_and_interval(make_record: Make) -> None:
    table = build_table([make_record("kid", "ugatit", 0.116, 0.005, low=0.106, high=0.126)])
    runs = {"ugatit-None-0": 0.116}
    expected = Cell(0.116, 0.005, 0.106, 0.126, 1, False, None, "kid-alexnet", True, 100, 100, runs, fewest_images=100)
    assert cell_of(table, "ugatit") == expected


def test_several_seeds_become_their_mean_with_the_error_of_their_spread(make_record: Make) -> None:
    values = (0.10, 0.12, 0.17)
    records = [
        make_record("kid", "ugatit", value, 0.5, low=0.0, high=1.0, seed=seed) for seed, value in enumerate(values)
    ]
    cell = cell_of(build_table(records), "ugatit")
    assert cell.value == pytest.approx(0.13)
    assert cell.se == pytest.approx(math.sqrt((0.03**2 + 0.01**2 + 0.04**2) / 2 / 3))
    assert (cell.low, cell.high, cell.n_seeds) == (None, None, 3)


def test_the_error_over_seeds_and_images_comes_from_the_errors_and_the_stored_differences_of_the_seeds(
    make_record: Make,
) -> None:
    """The variance of each difference is the sum of the two scores' variances, so their covariances are 0."""
    records = [make_record("kid", "ugatit", value, se, seed=seed) for seed, (value, se) in enumerate(THREE_SEEDS)]
    kept = [
        DifferenceRecord(
            **{"dataset": "dial", "direction": "A2B", "metric": "kid", "protocol_id": "kid-alexnet"},  # type: ignore[arg-type]
            **{"first": first.run, "first_step": 1000, "second": second.run, "second_step": 1000},  # type: ignore[arg-type]
            **{"value": 0.02, "se": math.hypot(first.se or 0, second.se or 0), "unpaired_se": 0.05},  # type: ignore[arg-type]
            **{"n": 100, "n_real": 100},  # type: ignore[arg-type]
        )
        for first, second in combinations(records, 2)
    ]
    crossed = cell_of(build_table(records, differences=kept), "ugatit").crossed
    assert crossed is not None
    seeds_variance = 0.01**2 / 3  # of values 0.01 apart, divided by the number of seeds
    assert crossed.se == pytest.approx(math.sqrt((0.03**2 + 0.04**2 + 0.05**2) / 9 + seeds_variance))
    assert cell_of(build_table(records[:2], differences=kept), "ugatit").crossed is None
    assert cell_of(build_table(records, differences=kept[:2]), "ugatit").crossed is None
    other_sources = [*kept[:2], kept[2].model_copy(update={"n": 99})]
    assert cell_of(build_table(records, differences=other_sources), "ugatit").crossed is None
    other_step = [*kept[:2], kept[2].model_copy(update={"second_step": 500})]
    assert cell_of(build_table(records, differences=other_step), "ugatit").crossed is None
    note = (
        "kid: for other test images like these the errors are larger: over seeds and images that of ugatit on dial A2B "
        "is 2.4, not 0.58 (--format json has all)."
    )
    assert note in build_table(records, differences=kept).notes


def test_the_newest_record_of_the_latest_step_counts(make_record: Make) -> None:
    records = [
        make_record("kid", "ugatit", 0.3, step=2000),
        make_record("kid", "ugatit", 0.2, step=3000),
        make_record("kid", "ugatit", 0.1, step=3000),
        make_record("kid", "ugatit", 0.4, step=1000),
        make_record("kid", "identity", 0.8),
        make_record("kid", "identity", 0.9),
    ]
    table = build_table(records)
    assert cell_of(table, "ugatit").value == 0.1
    assert cell_of(table, "ugatit").n_seeds == 1
    assert cell_of(table, "identity").value == 0.9


def test_the_lowest_is_best_where_lower_is_better_and_the_highest_elsewhere(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.2),
        make_record("kid", "ugatit", 0.1),
        make_record("precision", "cut", 0.9, n_fake=2048, n_real=2048),
        make_record("precision", "ugatit", 0.5, n_fake=2048, n_real=2048),
    ]
    table = build_table(records)
    best = {(row.label, key) for row in table.rows for key, cell in row.cells.items() if cell.best}
    assert best == {("ugatit", "kid"), ("cut", "precision")}


def test_identity_and_real_are_never_best_nor_tied(make_record: Make) -> None:
    records = [
        make_record("kid", "identity", 0.01, 0.5),
        make_record("kid", "real", 0.0, 0.5),
        make_record("kid", "ugatit", 0.2, 0.5),
        make_record("kid", "cut", 0.3, 0.5),
    ]
    table = build_table(records)
    assert cell_of(table, "ugatit").best
    for aside in ("identity", "real"):
        assert not cell_of(table, aside).best
        assert cell_of(table, aside).tied_with_best is None


def test_a_metric_without_a_better_end_has_no_best(make_record: Make) -> None:
    table = build_table([make_record("lpips", "cut", 0.2, 0.1), make_record("lpips", "ugatit", 0.3, 0.1)])
    assert [row.cells["lpips"].best for row in table.rows] == [False, False]
    assert [row.cells["lpips"].tied_with_best for row in table.rows] == [None, None]


def test_tied_is_within_the_quantile_of_t_of_the_unpaired_difference_for_all_six_pairs(make_record: Make) -> None:
    # Errors 3 and 4 make 5 for the difference. With 99 degrees of freedom, p times six is 0.05 at 2.69 errors,
    # and p times five at 2.63.
    records = [
        make_record("kid", "aaa", 100.0, 3.0),
        make_record("kid", "bbb", 112.0, 4.0),
        make_record("kid", "ccc", 113.5, 4.0),
        make_record("kid", "ddd", 100.1),
    ]
    table = build_table(records)
    tied = {row.label: row.cells["kid"].tied_with_best for row in table.rows}
    assert tied == {"aaa": False, "bbb": True, "ccc": False, "ddd": None}


def test_the_best_of_each_direction_and_data_set_is_marked(make_record: Make) -> None:
    places = [("dial", "A2B", 0.1, 0.2), ("dial", "B2A", 0.4, 0.3), ("horses", "A2B", 0.9, 0.8)]
    records = [
        make_record("kid", method, value, dataset=dataset, direction=direction)
        for dataset, direction, *values in places
        for method, value in zip(("cut", "ugatit"), values, strict=True)
    ]
    rows = build_table(records).rows_by_key
    best = [(key.dataset, key.direction, key.method) for key, row in rows.items() if row.cells["kid"].best]
    assert best == [("dial", "A2B", "cut"), ("dial", "B2A", "ugatit"), ("horses", "A2B", "ugatit")]


def test_a_score_that_compares_with_nothing_is_never_best(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.1, 0.1, extractor="random"),
        make_record("kid", "ugatit", 0.2, 0.1, extractor="random"),
    ]
    table = build_table(records)
    assert [(cell.best, cell.tied_with_best, cell.comparable) for cell in (row.cells["kid"] for row in table.rows)] == [
        (False, None, False)
    ] * 2


def test_a_value_that_is_not_finite_is_never_best_and_is_null_in_json(make_record: Make) -> None:
    values = {"cut": math.nan, "ugatit": 0.2, "unit": 0.3}
    table = build_table([make_record("kid", method, value) for method, value in values.items()])
    assert [cell_of(table, method).best for method in values] == [False, True, False]
    assert to_json(table)["rows"][0]["cells"]["kid"]["value"] is None


def test_two_protocols_of_a_metric_are_two_columns_and_two_races(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.1),
        make_record("kid", "ugatit", 0.2),
        make_record("kid", "ugatit", 0.05, extractor="inception"),
        make_record("kid", "unit", 0.07, extractor="inception"),
        make_record("fid", "cut", 60.0),
    ]
    table = build_table(records)
    assert [column.key for column in table.columns] == ["kid@kid-alexnet", "kid@kid-inceptio", "fid"]
    assert cell_of(table, "cut", "kid@kid-alexnet").best
    assert not cell_of(table, "ugatit", "kid@kid-alexnet").best
    assert cell_of(table, "ugatit", "kid@kid-inceptio").best
    assert "kid@kid-inceptio" not in next(row for row in table.rows if row.label == "cut").cells
    assert table.columns[0].title == "KID x100 ↓ (AlexNet)"
    assert table.columns[1].title == "KID x100 ↓ (Inception)"
    assert any("kid has 2 protocols" in note for note in table.notes)
    for key, cell in ((key, cell) for row in table.rows for key, cell in row.cells.items()):
        assert cell.protocol_id == (key.partition("@")[2] or "fid-alexnet")


def under(name: str, checkpoint: str) -> dict[str, Any]:
    """The fields of a record under a protocol of this name that says this of its checkpoint."""
    protocol = {"name": name, "checkpoint": checkpoint}
    return {"protocol": protocol, "protocol_id": protocol_id(protocol)}


LAST, SELECTED = under("target", "last"), under("target", "validation: lowest kid")


def test_a_selected_checkpoint_has_its_own_column_right_of_the_lasts(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.3, step=3000, **LAST),
        make_record("kid", "cut", 0.2, step=1000, **SELECTED),
        make_record("kid", "unit", 0.4, step=3000, **LAST),
        make_record("kid", "unit", 0.1, step=2000, **SELECTED),
        *(make_record("kid", "cut", 0.9, step=3000, **under(name, "last")) for name in ("clean", "authors2019")),
    ]
    table = build_table(records)
    titles = [column.title.partition(" ↓ ")[2] for column in table.columns]
    assert titles == ["(authors2019)", "(clean)", "(target)", "(target, selected checkpoint)"]
    ids = (LAST["protocol_id"], SELECTED["protocol_id"])
    cells = {row.label: [row.cells[f"kid@{key}"].value for key in ids] for row in table.rows}
    assert cells == {"cut": [0.3, 0.2], "unit": [0.4, 0.1]}
    assert not any("different steps" in note for note in table.notes)


def test_a_later_selection_counts_even_of_an_earlier_step(make_record: Make) -> None:
    records = [make_record("kid", "cut", step / 10, step=step, **SELECTED) for step in (2, 3, 1)]
    assert cell_of(build_table(records), "cut").value == 0.1


def test_which_of_two_runs_is_shown_hangs_on_their_last_checkpoints(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.1, step=2000, run="longer", **LAST),
        make_record("kid", "cut", 0.2, step=500, run="longer", **SELECTED),
        make_record("kid", "cut", 0.3, step=1000, run="shorter", **LAST),
        make_record("kid", "cut", 0.4, step=9000, run="unscored", **SELECTED),
    ]
    (row,) = build_table(records).rows
    assert [cell.value for cell in row.cells.values()] == [0.1, 0.2]


def test_scores_of_one_named_protocol_alone_are_shown(make_record: Make) -> None:
    clean = {"protocol": {"name": "clean"}, "protocol_id": "clean"}
    records = [
        make_record("kid", "cut", 0.1),
        make_record("kid", "cut", 0.2, **clean),
        make_record("fid", "unit", 60.0),
        make_record("lpips", "unit", 0.3, step=10, **clean),
        make_record("kid", "real", 0.0, **clean),
    ]
    table = build_table(records, protocol="clean")
    assert [column.key for column in table.columns] == ["kid", "lpips"]
    shown = {(row.label, key): cell.value for row in table.rows for key, cell in row.cells.items()}
    assert shown == {("cut", "kid"): 0.2, ("unit", "lpips"): 0.3, ("real", "kid"): 0.0}
    assert {name["name"] for name in table.protocols.values()} == {"clean"}


def test_a_protocol_without_scores_and_one_that_is_none_are_refused(make_record: Make) -> None:
    records = [make_record("kid", "cut", 0.1), make_record("fid", "cut", 1.0, protocol={"name": "own"})]
    with pytest.raises(UnknownName, match="did you mean 'clean'"):
        build_table(records, protocol="claen")
    with pytest.raises(
        UsageError, match=r"of protocol clean, only of own, target; run `ugbench eval --protocol clean`"
    ):
        build_table(records, protocol="clean")
    with pytest.raises(UsageError, match="no scores of kid, only of fid"):
        build_table(records, ["kid"], protocol="own")


def test_a_metric_that_only_a_run_not_shown_has_is_no_column(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.1, step=3000, run="aaaa"),
        make_record("fid", "cut", 9.0, step=1000, run="bbbb"),
    ]
    assert [column.key for column in build_table(records).columns] == ["kid"]


def test_seeds_are_never_averaged_over_protocols(make_record: Make) -> None:
    records = [
        make_record("kid", "ugatit", 0.1, seed=0),
        make_record("kid", "ugatit", 0.3, seed=1, extractor="inception"),
    ]
    (row,) = build_table(records).rows
    assert sorted((cell.value, cell.n_seeds) for cell in row.cells.values()) == [(0.1, 1), (0.3, 1)]


def test_rows_go_by_data_set_direction_and_method_between_identity_and_real(make_record: Make) -> None:
    who = [
        ("real", None),
        ("ugatit", "no-cam"),
        ("ugatit", None),
        ("ugatit", "adain"),
        ("cut", None),
        ("identity", None),
    ]
    records = [
        make_record("kid", method, 0.1, dataset=dataset, direction=direction, variant=variant)
        for dataset in ("zebras", "dial")
        for direction in ("B2A", "A2B")
        for method, variant in who
    ]
    table = build_table(records)
    assert [block.title for block in table.blocks] == ["dial A2B", "dial B2A", "zebras A2B", "zebras B2A"]
    assert [row.label for row in table.blocks[0].rows] == [
        "identity",
        "cut",
        "ugatit",
        "ugatit-adain",
        "ugatit-no-cam",
        "real",
    ]


def test_columns_go_in_the_order_asked_for(make_record: Make) -> None:
    records = [make_record(metric, "cut", 0.1) for metric in ("kid", "lpips", "fid")]
    assert [column.key for column in build_table(records, ["lpips", "kid", "lpips"]).columns] == [
        "lpips",
        "kid",
    ]
    assert [column.key for column in build_table(records).columns] == ["kid", "fid", "lpips"]


def test_json_is_the_contracts(make_record: Make) -> None:
    record = make_record("kid", "ugatit", 0.116, 0.005, variant="no-cam")
    content = to_json(build_table([record]))
    assert content["protocols"] == {"kid-alexnet": record.protocol}
    assert content["rows"] == [
        {
            "dataset": "dial",
            "direction": "A2B",
            "method": "ugatit",
            "variant": "no-cam",
            "name": None,
            "config": {},
            "images": None,
            "cells": {
                "kid": {
                    "value": 0.116,
                    "se": 0.005,
                    "low": None,
                    "high": None,
                    "n_seeds": 1,
                    "best": False,
                    "tied_with_best": None,
                    "protocol_id": "kid-alexnet",
                    "comparable": True,
                    "n_fake": 100,
                    "n_real": 100,
                    "fewest_images": 100,
                    "runs": {"ugatit-no-cam-0": 0.116},
                    "too_few": False,
                    "tied_by": None,
                    "crossed": None,
                    "codes_per_image": None,
                    "n_missing": None,
                    "copies": None,
                    "near_duplicates": {},
                }
            },
        }
    ]


def test_a_metric_that_is_not_installed_keeps_its_name_and_raw_values(make_record: Make) -> None:
    (column,) = build_table([make_record("sharpness", "cut", 0.1)]).columns
    assert (column.title, column.scale) == ("sharpness", 1.0)


def test_no_records_name_the_mend() -> None:
    with pytest.raises(UsageError, match=r"no scores; run `ugbench eval`"):
        build_table([])


def test_an_unknown_metric_is_answered_with_a_near_one(make_record: Make) -> None:
    with pytest.raises(UnknownName, match="did you mean 'kid'"):
        build_table([make_record("kid", "cut", 0.1)], ["kidd"])


def test_a_metric_without_scores_says_how_to_make_them(make_record: Make) -> None:
    with pytest.raises(UsageError, match="only of kid; run `ugbench eval --metric fid`"):
        build_table([make_record("kid", "cut", 0.1)], ["fid"])
