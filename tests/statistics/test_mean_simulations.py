"""The coverage of intervals of means over images; benchmarks/simulations/skewed_means.py makes the docs' figures."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
from simulations import ROOT, loaded

from ugbench.metrics._defaults import MIN_FOR_INTERVAL


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    return loaded("skewed_means")


@pytest.mark.parametrize("name", ["normal", "exponential", "lognormal 0.5", "10% large"])
def test_the_interval_of_a_mean_covers_the_truth_and_students_does_not_where_few_values_carry_it(
    simulation: ModuleType, name: str
) -> None:
    draw, truth = simulation.drawn_kinds()[name]
    row = simulation.coverage(draw, truth, MIN_FOR_INTERVAL, 2000, 1)
    assert row["interval"] >= 0.93 - 0.011, row  # two standard errors
    assert name != "10% large" or row["t"] < 0.92, row


def test_the_committed_figures_of_means_keep_the_promise_and_the_page_shows_them(simulation: ModuleType) -> None:
    figures = json.loads((ROOT / "docs" / "reference" / "simulations" / "skewed_means.json").read_text("utf-8"))
    rows = [row for row in figures["rows"] if row["images"] >= MIN_FOR_INTERVAL]
    assert figures["draws"] >= 2000 and len({row["values"] for row in rows}) > 10
    assert all(round(row["interval"], 3) >= 0.93 for row in rows)
    assert min(row["t"] for row in rows) < 0.91
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert simulation.short_table(figures) in page
    low, high = (100 * end([row["interval"] for row in rows]) for end in (min, max))
    assert f"covered the truth in {low:.1f} to {high:.1f} % of the draws, and value" in page
