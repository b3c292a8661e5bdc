"""Mean rank and largest regret over the blocks where all listed methods compete."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scipy import stats
from terminal_text import terminal_lines

from ugbench.errors import UsageError
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.columns.ranking import add_rankings
from ugbench.tables.formats import render
from ugbench.tables.formats.json import to_json
from ugbench.tables.model import RankedMethod, Table

Make = Callable[..., ScoreRecord]
NO_LIMITS = dict.fromkeys(("mean_rank_low", "mean_rank_high", "regret_low", "regret_high"))


@pytest.fixture
def records(make_record: Make) -> list[ScoreRecord]:
    """ugatit is the best on cats and dogs by little, and the worst on dial by much; cut was scored on cats alone."""
    values = {"cats": (0.10, 0.12), "dogs": (0.20, 0.21), "dial": (0.50, 0.30)}
    made = [make_record("kid", "cut", 0.05, dataset="cats")]
    for dataset, (first, second) in values.items():
        made += [
            make_record("kid", "identity", 0.01, dataset=dataset),
            make_record("kid", "ugatit", first, dataset=dataset),
            make_record("kid", "cyclegan", second, dataset=dataset),
            make_record("lpips", "ugatit", first, dataset=dataset),
            make_record("lpips", "cyclegan", second, dataset=dataset),
        ]
    return made


@pytest.fixture
def table(records: list[ScoreRecord]) -> Table:
    return add_rankings(build_table(records))


def test_rank_and_regret_are_over_methods_that_every_block_has(table: Table) -> None:
    (ranking,) = table.rankings
    assert ranking.column.metric == "kid"
    assert ranking.methods == (
        RankedMethod("ugatit", pytest.approx(4 / 3), pytest.approx(0.2), "dial A2B"),
        RankedMethod("cyclegan", pytest.approx(5 / 3), pytest.approx(0.02), "cats A2B"),
    )


def test_the_caption_says_which_blocks_and_which_method_is_left_out(table: Table) -> None:
    assert "Across, KID x100 ↓: cats A2B, dial A2B, dogs A2B; not cut, which lack some." in table.notes


def test_where_higher_is_better_the_highest_has_rank_one(make_record: Make) -> None:
    records = [
        make_record("precision", method, value, dataset=dataset, n_fake=2048, n_real=2048)
        for dataset in ("cats", "dogs")
        for method, value in (("ugatit", 0.9), ("cyclegan", 0.4))
    ]
    (ranking,) = add_rankings(build_table(records)).rankings
    assert [(method.label, method.mean_rank) for method in ranking.methods] == [("ugatit", 1), ("cyclegan", 2)]
    assert ranking.methods[1].regret == pytest.approx(0.5)


def test_both_directions_of_one_data_set_are_two_blocks(make_record: Make) -> None:
    records = [
        make_record("kid", method, 0.1, direction=direction)
        for direction in ("A2B", "B2A")
        for method in ("ugatit", "cyclegan")
    ]
    assert add_rankings(build_table(records)).rankings[0].blocks == ("dial A2B", "dial B2A")


def test_directions_are_averaged_before_data_sets(make_record: Make) -> None:
    values = {("x", "A2B"): (0.1, 0.2), ("x", "B2A"): (0.1, 0.2), ("y", "A2B"): (0.2, 0.1)}
    records = [
        make_record("kid", method, value, dataset=dataset, direction=direction)
        for (dataset, direction), pair in values.items()
        for method, value in zip(("ugatit", "cyclegan"), pair, strict=True)
    ]
    (ranking,) = add_rankings(build_table(records)).rankings
    assert ({method.mean_rank for method in ranking.methods}, ranking.datasets) == ({1.5}, 2)


def test_errors_of_scores_give_ranks_and_regrets_intervals_that_every_format_shows(make_record: Make) -> None:
    records = [
        make_record("kid", method, value, 0.01, dataset=dataset)
        for dataset in ("cats", "dogs")
        for method, value in (("ugatit", 0.25), ("cyclegan", 0.5), ("cut", 0.51))
    ]
    table = add_rankings(build_table(records))
    cut = table.rankings[0].methods[-1]
    assert (cut.mean_rank_low, cut.mean_rank_high) == (2, 3)
    # One seed: the error has 99 degrees of freedom, and the difference of two such errors twice as many.
    half = stats.t.ppf(1 - 0.025 / 6, 198) * 0.01 * 2**0.5
    assert (cut.regret_low, cut.regret_high) == (pytest.approx(0.26 - half), pytest.approx(0.26 + half))
    limits = f"26 [{100 * (0.26 - half):.3g}, {100 * (0.26 + half):.3g}]"
    lines = [line.split()[:7] for line in terminal_lines(table)]
    assert ["cut", "3.00", "[2.00,", "3.00]", *limits.split()] in lines
    number, interval = limits.split(maxsplit=1)
    assert f"{number}{{\\ {{[}}{interval[1:-1]}{{]}}}}" in render(table, "latex")
    assert to_json(table)["across"][0]["methods"][-1]["regret_high"] == cut.regret_high
    assert any("95 % intervals, right for all methods of a ranking at once" in note for note in table.notes)


def test_a_mean_over_seeds_has_the_degrees_of_freedom_of_its_seeds(make_record: Make) -> None:
    records = [
        make_record("kid", method, value + 0.01 * seed, 0.01, dataset=dataset, seed=seed)
        for dataset in ("cats", "dogs")
        for method, value in (("ugatit", 0.25), ("cyclegan", 0.5))
        for seed in range(3)
    ]
    regret = add_rankings(build_table(records)).rankings[0].methods[1].regret_high
    half = stats.t.ppf(1 - 0.025 / 2, 4) * 0.01 * (2 / 3) ** 0.5
    assert regret == pytest.approx(0.25 + half)


def test_a_score_without_an_error_is_said_to_leave_no_interval(make_record: Make) -> None:
    records = [
        make_record("kid", method, 0.25, None if method == "cut" else 0.01, dataset=dataset)
        for dataset in ("cats", "dogs")
        for method in ("ugatit", "cut")
    ]
    assert "Across has no intervals for KID x100 ↓: a score has no standard error." in (
        add_rankings(build_table(records)).notes
    )


@pytest.mark.parametrize("extractor", ["alexnet", "random"])
def test_one_block_or_numbers_that_compare_with_nothing_are_refused(make_record: Make, extractor: str) -> None:
    datasets = ("cats",) if extractor == "alexnet" else ("cats", "dogs")
    records = [
        make_record("kid", method, 0.1, dataset=dataset, extractor=extractor)
        for dataset in datasets
        for method in ("ugatit", "cyclegan")
    ]
    with pytest.raises(UsageError, match="--across needs two data sets or directions"):
        add_rankings(build_table(records))


def test_json_has_raw_regrets_and_no_place_where_there_is_none(make_record: Make) -> None:
    records = [
        make_record("kid", method, value, dataset=dataset)
        for dataset in ("cats", "dogs")
        for method, value in (("ugatit", 0.25), ("cyclegan", 0.5))
    ]
    assert to_json(add_rankings(build_table(records)))["across"] == [
        {
            "metric": "kid",
            "protocol_id": "kid-alexnet",
            "datasets": 2,
            "blocks": ["cats A2B", "dogs A2B"],
            "methods": [
                {"label": "ugatit", "mean_rank": 1.0, "regret": 0.0, "where": None, **NO_LIMITS},
                {"label": "cyclegan", "mean_rank": 2.0, "regret": 0.25, "where": "cats A2B", **NO_LIMITS},
            ],
            "left_out": [],
        }
    ]
    assert "across" not in to_json(build_table(records))


def test_every_format_has_the_small_table_after_the_scores(table: Table) -> None:
    assert "| ugatit | 1.33 | 20 | dial A2B |" in render(table, "md")
    assert "ugatit & 1.33 & 20 & {dial A2B} \\\\" in render(table, "latex")
    assert render(table, "latex").count("\\begin{minipage}") == 1
    assert '<th scope="row">ugatit</th><td>1.33</td><td>20</td><td>dial A2B</td>' in render(table, "html")
    assert (
        "\n\nmetric,protocol_id,label,mean_rank,regret,where,mean_rank_low,mean_rank_high,regret_low,regret_high\nkid,kid-alexnet,ugatit,1.3333"
        in render(table, "csv")
    )
    assert ["ugatit", "1.33", "20", "dial", "A2B"] in [line.split() for line in terminal_lines(table)]
