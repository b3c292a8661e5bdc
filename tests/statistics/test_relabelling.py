"""The exact test of two groups, against SciPy's and against a count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ugbench.statistics.relabelling import MOST_RELABELLINGS, exact_p_value, smallest_p

FIRST, SECOND = [1.0, 2.0, 4.0, 3.0], [2.5, 5.0, 9.0]


def test_it_is_scipys_permutation_test_of_the_means() -> None:
    oracle = stats.permutation_test((FIRST, SECOND), lambda x, y: np.mean(x) - np.mean(y), n_resamples=math.inf)
    # SciPy doubles the smaller of the two sides; this test counts both sides by the size of the difference.
    sizes = np.abs(oracle.null_distribution)
    observed = abs(np.mean(FIRST) - np.mean(SECOND))
    assert exact_p_value(FIRST, SECOND) == pytest.approx(np.mean(sizes >= observed - 1e-12))


def test_two_of_the_twenty_ways_are_as_extreme_as_three_seeds_that_do_not_overlap() -> None:
    assert exact_p_value([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == pytest.approx(2 / 20)


def test_equal_values_in_another_order_of_adding_have_p_1() -> None:
    assert exact_p_value([0.1, 0.2, 0.3], [0.3, 0.1, 0.2]) == 1.0
    assert exact_p_value([0.1 + 0.2] * 3, [0.3] * 3) > 0.05


def test_beyond_the_limit_random_relabellings_give_a_p_value_that_repeats_and_is_never_0() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(size=12).tolist(), (random.normal(size=12) + 1).tolist()
    assert math.comb(24, 12) > MOST_RELABELLINGS
    p_value = exact_p_value(first, second)
    assert p_value == exact_p_value(first, second)
    assert p_value == pytest.approx(stats.ttest_ind(first, second).pvalue, rel=0.25)
    assert exact_p_value(list(range(12)), list(range(100, 112))) == pytest.approx(1 / MOST_RELABELLINGS)


@pytest.mark.parametrize(("n", "m", "p"), [(1, 1, 1.0), (2, 2, 1 / 3), (3, 3, 0.1), (6, 6, 2 / 924), (3, 5, 2 / 56)])
def test_the_smallest_p_counts_the_ways_to_share_the_seeds_out(n: int, m: int, p: float) -> None:
    assert smallest_p(n, m) == pytest.approx(p)


def test_the_smallest_p_of_pairs_counts_signs() -> None:
    assert smallest_p(3, 3, paired=True) == 0.25
    assert smallest_p(6, 6, paired=True) == 2 / 64
