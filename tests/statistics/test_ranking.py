"""Mean ranks and regrets by hand, and what their intervals promise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import ModuleType

import numpy as np
import pytest
from scipy import stats
from simulations import ROOT, loaded

from ugbench.errors import UsageError
from ugbench.statistics.ranking import Estimate, standings

KID = {
    "horse": {"cut": 0.10, "unit": 0.20, "ugatit": 0.12},
    "cat": {"cut": 0.50, "unit": 0.30, "ugatit": 0.35},
    "monet": {"cut": 0.07, "unit": 0.06, "ugatit": 0.06},
}
Scores = dict[tuple[str, str], dict[str, Estimate]]


def scores(values: Mapping[str, Mapping[str, float]], se: float | None = None, freedom: float = float("inf")) -> Scores:
    """One direction of each data set."""
    return {
        (name, f"{name} A2B"): {method: Estimate(value, se, freedom) for method, value in row.items()}
        for name, row in values.items()
    }


def test_ranks_and_regrets_by_hand() -> None:
    result = standings(scores(KID))
    assert result["cut"].mean_rank == pytest.approx((1 + 3 + 3) / 3)
    assert result["unit"].mean_rank == pytest.approx((3 + 1 + 1.5) / 3)
    assert result["ugatit"].mean_rank == pytest.approx((2 + 2 + 1.5) / 3)
    assert (result["cut"].regret, result["cut"].worst) == (pytest.approx(0.20), "cat A2B")
    assert (result["unit"].regret, result["unit"].worst) == (pytest.approx(0.10), "horse A2B")
    assert (result["ugatit"].regret, result["ugatit"].worst) == (pytest.approx(0.05), "cat A2B")
    assert {standing.datasets for standing in result.values()} == {3}


def test_the_best_mean_rank_comes_first() -> None:
    assert list(standings(scores(KID)))[-1] == "cut"


def test_the_direction_turns_both() -> None:
    negative = {name: {method: -value for method, value in row.items()} for name, row in KID.items()}
    assert standings(scores(negative, 0.01), higher_is_better=True) == standings(scores(KID, 0.01))
    assert standings(scores(KID), higher_is_better=True)["unit"].regret == pytest.approx(0.2)


def test_a_data_set_with_two_directions_counts_once() -> None:
    better = {"a": Estimate(0.1), "b": Estimate(0.2)}
    worse = {"a": Estimate(0.2), "b": Estimate(0.1)}
    result = standings({("x", "x A2B"): better, ("x", "x B2A"): better, ("y", "y A2B"): worse})
    assert (result["a"].mean_rank, result["b"].mean_rank, result["a"].datasets) == (1.5, 1.5, 2)


def test_a_difference_that_is_sure_narrows_ranks_and_bounds_the_regret() -> None:
    result = standings(scores({"x": {"a": 1.0, "b": 1.1, "c": 9.0}, "y": {"a": 1.0, "b": 1.1, "c": 9.0}}, se=0.5))
    half = stats.norm.ppf(1 - 0.025 / 6) * 0.5 * np.sqrt(2)
    assert (result["a"].mean_rank_low, result["a"].mean_rank_high) == (1, 2)
    assert (result["b"].mean_rank_low, result["b"].mean_rank_high) == (1, 2)
    assert (result["c"].mean_rank_low, result["c"].mean_rank_high) == (3, 3)
    assert (result["c"].regret_low, result["c"].regret_high) == (pytest.approx(8 - half), pytest.approx(8 + half))
    assert (result["b"].regret_low, result["b"].regret_high) == (0, pytest.approx(0.1 + half))
    assert (result["a"].regret_low, result["a"].regret_high) == (0, pytest.approx(half - 0.1))


def test_few_seeds_make_the_intervals_wider_by_student_s_t_with_welch_s_degrees_of_freedom() -> None:
    values = {"a": Estimate(0.0, 0.3, 2), "b": Estimate(1.0, 0.1, 5)}
    result = standings({("x", "x A2B"): values})
    freedom = (0.09 + 0.01) ** 2 / (0.09**2 / 2 + 0.01**2 / 5)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(0.1)
    assert result["b"].regret_high == pytest.approx(1 + half)


def test_errors_of_zero_leave_the_observed_numbers() -> None:
    for standing in standings(scores(KID, se=0.0)).values():
        assert standing.regret_low == standing.regret_high == pytest.approx(standing.regret)


def test_without_every_error_there_is_no_interval() -> None:
    values = scores(KID, 0.01)
    values["cat", "cat A2B"]["cut"] = Estimate(0.5)
    for standing in standings(values).values():
        limits = (standing.mean_rank_low, standing.mean_rank_high, standing.regret_low, standing.regret_high)
        assert limits == (None, None, None, None)


def test_regret_is_a_difference_so_that_a_best_kid_under_zero_is_no_trouble() -> None:
    result = standings(scores({"near": {"a": -0.001, "b": 0.002}}))
    assert result["b"].regret == pytest.approx(0.003)
    assert result["a"].regret == 0


def test_a_data_set_that_lacks_a_method_is_named() -> None:
    with pytest.raises(UsageError, match="cat A2B has no value of unit; score it there, or leave it out"):
        standings(scores({"horse": {"cut": 1.0, "unit": 2.0}, "cat": {"cut": 1.0}}))
    with pytest.raises(UsageError, match="no value was given"):
        standings({})


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    return loaded("ranking")


def test_a_few_draws_cover_ranks_and_regrets_of_equal_methods(simulation: ModuleType) -> None:
    (row,) = simulation.simulate(100, [simulation.CASES[0]])
    assert min(row["ranks"], row["regrets"]) >= 0.88
    assert row["observed_regret"] > 1.5  # what is observed where the truth is 0


def test_the_committed_figures_keep_the_promise_and_the_page_shows_them(simulation: ModuleType) -> None:
    figures = json.loads((ROOT / "docs" / "reference" / "simulations" / "ranking.json").read_text(encoding="utf-8"))
    assert figures["draws"] >= 2000
    assert min(row[name] for row in figures["rows"] for name in ("ranks", "regrets")) >= 0.93
    assert simulation.table(figures["rows"]) in (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
