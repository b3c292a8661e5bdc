"""Student's t of a sum of variances, against SciPy's Welch test."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from ugbench.statistics.student import half_width, satterthwaite, two_sided_p

FIRST, SECOND = [1.0, 2.0, 4.0, 3.0], [2.5, 5.0, 9.0]


def test_of_two_means_it_is_welchs_test() -> None:
    parts = [stats.tvar(values) / len(values) for values in (FIRST, SECOND)]
    freedom, se = satterthwaite(parts, [3, 2]), math.sqrt(sum(parts))
    welch = stats.ttest_ind(FIRST, SECOND, equal_var=False)
    interval = welch.confidence_interval()
    assert freedom == pytest.approx(welch.df)
    assert two_sided_p(2.5 - 5.5, se, freedom) == pytest.approx(welch.pvalue)
    assert 2 * half_width(se, freedom) == pytest.approx(interval.high - interval.low)


def test_without_a_spread_only_equal_values_are_equal() -> None:
    assert satterthwaite([0.0, 0.0], [5, 3]) == 3
    assert (two_sided_p(0.0, 0.0, 3), two_sided_p(0.1, 0.0, 3)) == (1.0, 0.0)
