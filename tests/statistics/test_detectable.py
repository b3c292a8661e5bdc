"""The smallest difference that seeds could have shown; benchmarks/simulations/detectable.py makes the docs' figures."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ugbench.statistics.detectable import LEVEL, POWER, detectable
from ugbench.statistics.relabelling import exact_p_values

DOCS = Path(__file__).parents[2] / "docs"


def of_equal_spreads(n: int, level: float = 0.05) -> float:
    """The detectable difference of two methods with n seeds and standard deviations of 1."""
    return detectable(math.sqrt(2 / n), 2 * n - 2, (n, n), level).value


@pytest.mark.parametrize(("n", "level"), [(4, 0.05), (5, 0.05), (6, 0.05 / 7), (8, 0.05 / 7)])
def test_the_exact_test_shows_it_in_four_of_five_studies(n: int, level: float) -> None:
    random = np.random.default_rng(7)
    first, second = random.standard_normal((2000, n)), random.standard_normal((2000, n))
    shown = exact_p_values(first, second + of_equal_spreads(n, level)) <= level
    assert np.mean(shown) == pytest.approx(POWER, abs=0.025)  # standard errors of 0.009 here and of 0.009 there


def test_with_many_seeds_it_is_that_of_the_t_test() -> None:
    value, critical = of_equal_spreads(12) / math.sqrt(2 / 12), stats.t.ppf(0.975, 22)
    assert stats.nct.sf(critical, 22, value) == pytest.approx(POWER, abs=1e-6)


def test_more_seeds_and_fewer_comparisons_show_smaller_differences() -> None:
    assert of_equal_spreads(4) > of_equal_spreads(5) > of_equal_spreads(6) > of_equal_spreads(8)
    assert of_equal_spreads(6, 0.05 / 7) > of_equal_spreads(6)


@pytest.mark.parametrize("n", [4, 8])
def test_its_interval_is_that_of_the_spread(n: int) -> None:
    random, freedom = np.random.default_rng(0), 2 * n - 2
    variances = random.standard_normal((2, 4000, n)).var(axis=2, ddof=1).mean(axis=0)
    true, held = of_equal_spreads(n), 0
    for variance in variances:
        estimate = detectable(math.sqrt(2 * variance / n), freedom, (n, n), 0.05)
        held += estimate.low <= true <= estimate.high
    assert held / len(variances) == pytest.approx(LEVEL, abs=0.015)


def test_the_committed_figures_keep_the_promise_and_the_page_shows_them() -> None:
    figures = json.loads((DOCS / "reference" / "simulations" / "detectable.json").read_text(encoding="utf-8"))
    rows, page = figures["rows"], (DOCS / "statistics.md").read_text(encoding="utf-8")
    assert figures["draws"] >= 2000 and {row["seeds"] for row in rows} == {4, 6, 10}
    assert all(0.78 <= row["power"] <= 0.9 and row["covered"] >= 0.85 for row in rows)
    for row in rows:
        assert f"| {row['seeds']} | {row['comparisons']} | {row['sd']:.3g} | {row['detectable']:.3g} |" in page
    powers = [100 * row["power"] for row in rows]
    assert f"The difference is found in {min(powers):.0f} to {max(powers):.0f} % of the studies." in page
