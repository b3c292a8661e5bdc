"""The coverage of intervals of KID and of its differences; benchmarks/simulations/ makes the figures of the docs."""

import importlib
import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from simulations import ROOT, loaded

FIGURES = ROOT / "docs" / "reference" / "simulations" / "kid_interval.json"
FIGURES_OF_DIFFERENCES = ROOT / "docs" / "reference" / "simulations" / "kid_differences.json"


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    return loaded("kid_interval")


@pytest.fixture(scope="module")
def differences() -> ModuleType:
    return loaded("kid_differences")


@pytest.fixture(scope="module")
def pools(simulation: ModuleType) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module("feature_pools").clusters()


def test_sums_of_many_draws_are_the_sums_of_each(pools: Any) -> None:
    random = np.random.default_rng(0)
    fakes, reals = pools.draw(random, "other", (3, 20)), pools.draw(random, "real", (3, 30))
    together = pools.sums_of_draws(fakes, reals)
    for draw in range(3):
        alone = pools.sums(fakes[draw], reals[draw])
        for name in ("fake", "real", "fake_cross", "real_cross"):
            torch.testing.assert_close(getattr(together, name)[:, draw], getattr(alone, name), rtol=1e-9, atol=1e-9)


def test_where_a_few_outputs_make_the_difference_a_fixed_error_covers_too_little(
    simulation: ModuleType, pools: Any
) -> None:
    for share, n, m in ((0.1, 50, 350), (0.3, 50, 50), (0.0, 50, 50)):
        row = simulation.interval_row(pools, "other", share, n, m, draws=1000, seed=0)
        assert row["coverage"] >= 0.93 - 0.015, row
        assert row["truth_above"] <= 0.06
        assert share == 0.0 or row["coverage_fixed_se"] < 0.93 - 0.015, row


def test_the_committed_figures_keep_the_promise_and_the_page_shows_them(simulation: ModuleType) -> None:
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    assert figures["draws"] >= 2000
    cells = {(row["pool"], row["outputs"], row["n"], row["m"]) for row in figures["rows"]}
    shares = ("0% other", "5% other", "10% other", "30% other", "100% other")
    assert cells >= {
        (pool, share, *sizes)
        for pool in ("dial", "cat2dog", "clusters")
        for share in shares
        for sizes in simulation.SIZES
    }
    for row in figures["rows"]:
        assert row["coverage"] >= 0.93, row
    of_dials = [row["coverage_fixed_se"] for row in figures["rows"] if row["pool"] == "dial"]
    assert min(of_dials) < 0.88
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert simulation.short_table(figures) in page
    coverages = [row["coverage"] for row in figures["rows"]]
    assert f"covered the truth in {100 * min(coverages):.1f} to {100 * max(coverages):.1f} % of the draws" in page


def test_a_fixed_error_of_a_difference_covers_too_little_where_one_method_is_perfect(
    differences: ModuleType, pools: Any
) -> None:
    truth = -pools.truth({"real": 0.9, "other": 0.1})
    row = differences.paired_row(pools, "", truth, (0.0, 0.1), 70, 70, 1000, 0)
    assert row["coverage"] >= 0.93 - 0.015, row
    assert row["equivalent_at_margin"] <= 0.08 + 0.015
    assert row["coverage_fixed_se"] < 0.87
    row = differences.real_row(pools, 0.3, 50, 47, 50, 1000, 0)
    assert row["coverage"] >= 0.93 - 0.015, row


def test_the_committed_figures_of_differences_keep_the_promise_and_the_page_shows_them(differences: ModuleType) -> None:
    figures = json.loads(FIGURES_OF_DIFFERENCES.read_text(encoding="utf-8"))
    assert figures["draws"] >= 2000
    for row in figures["rows"]:
        assert row["coverage"] >= 0.93, row
        assert row["equivalent_at_margin"] <= 0.08, row
        if row["pool"] == "cat2dog":
            assert row["equivalent_at_margin"] <= 0.06, row
    assert min(row["coverage_fixed_se"] for row in figures["rows"]) < 0.87
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert differences.markdown_table(figures["rows"]) in page
    coverages = [row["coverage"] for row in figures["rows"]]
    assert f"covered the truth in {100 * min(coverages):.1f} to {100 * max(coverages):.1f} % of the draws" in page
