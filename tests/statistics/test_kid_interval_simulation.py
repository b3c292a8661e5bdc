"""The coverage that KID's interval promises; benchmarks/simulations/kid_interval.py makes the figures of the docs."""

import importlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "reference" / "kid_interval.json"


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    file = ROOT / "benchmarks" / "simulations" / "kid_interval.py"
    spec = importlib.util.spec_from_file_location("kid_interval_simulation", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        spec.loader.exec_module(module)
    return module


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
