"""Failure rates of seeds and their test; benchmarks/simulations/failures.py makes the figures of the docs."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
from scipy import stats
from simulations import ROOT, loaded

from ugbench.statistics.failures import boschloo_p, compare, failure_rate, over_family

GOOD, BAD = [0.3, 0.4, 0.5], [0.9, 1.1, float("nan")]


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    return loaded("failures")


def test_seeds_above_the_bound_fail_and_so_do_those_without_a_score() -> None:
    rate = failure_rate([*GOOD, *BAD], 0.5, stopped=2)
    assert (rate.failed, rate.stopped, rate.seeds) == (5, 2, 8)
    assert failure_rate(GOOD, 0.5).failed == 0  # a value at the bound did not fail
    assert failure_rate([], 0.5, stopped=1).failed == 1
    with pytest.raises(ValueError, match="needs 1 seed"):
        failure_rate([], 0.5)


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    rate = failure_rate([1.0] * 2 + [0.0] * 4, 0.5)
    assert (rate.low, rate.high) == pytest.approx((stats.beta.ppf(0.025, 2, 5), stats.beta.ppf(0.975, 3, 4)))
    none = failure_rate([0.0] * 6, 0.5)
    assert (none.low, none.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 6)))


def test_four_of_six_failures_against_none_are_shown_and_fishers_test_would_not() -> None:
    assert boschloo_p((0, 6), (4, 6)) == boschloo_p((4, 6), (0, 6)) < 0.05
    assert stats.fisher_exact([[0, 4], [6, 2]]).pvalue > 0.05


@pytest.mark.parametrize(("failed", "seeds"), [(0, 5), (5, 5)])
def test_where_no_seed_or_every_seed_fails_nothing_is_shown(failed: int, seeds: int) -> None:
    assert boschloo_p((failed, seeds), (failed, seeds)) == 1.0


def test_a_family_is_adjusted_and_the_sentence_names_both_rates() -> None:
    failing, sound = failure_rate([*BAD, *BAD], 0.5), failure_rate([*GOOD, *GOOD], 0.5)
    first, second = over_family([compare(failing, sound, 0.5), compare(sound, sound, 0.5)])
    assert first.adjusted_p == pytest.approx(2 * first.p_value) and first.is_shown
    assert second.adjusted_p == 1.0 and not second.is_shown
    assert first.text("cut", "unit", "KID x100", 100) == (
        "with KID x100 above 50 as failed, 6 of 6 seeds of cut failed (95 % interval 54.1 to 100 %) and 0 of 6 seeds "
        "of unit failed (95 % interval 0 to 45.9 %); that one method fails more often is shown "
        f"(Boschloo's exact p after Holm = {first.adjusted_p:.3g})."
    )
    stopped = failure_rate(GOOD, 0.5, stopped=1)
    assert stopped.text("cut").startswith(
        "1 of 4 seeds of cut failed, 1 of them because training stopped at NaN or Inf"
    )


def test_the_interval_and_the_test_hold_their_promise_for_few_seeds(simulation: ModuleType) -> None:
    for seeds in (3, 4, 6):
        assert simulation.coverage_row(seeds)["exact"] >= 0.95
        assert simulation.coverage_row(seeds)["wilson"] < 0.85
        assert simulation.tests_row(seeds)["boschloo_size"] <= 0.05


def test_the_committed_figures_keep_the_promise_and_the_page_shows_them(simulation: ModuleType) -> None:
    figures = json.loads((ROOT / "docs" / "reference" / "simulations" / "failures.json").read_text(encoding="utf-8"))
    assert all(row["exact"] >= 0.95 for row in figures["coverage"])
    assert all(row["boschloo_size"] <= 0.05 for row in figures["tests"])
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    for table in simulation.tables(figures):
        assert table in page
