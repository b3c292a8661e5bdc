import numpy as np
import pytest
from scipy import stats

from ugbench.statistics.seeds import compare, over_family, seeds_needed, seeds_to_test, smallest_p

LOW, HIGH = [1.0, 1.2, 0.9, 1.1, 1.05, 0.95], [2.0, 2.3, 1.8, 2.1, 2.2, 1.9]


def test_it_is_welchs_test() -> None:
    first, second = [1.0, 2.0, 4.0, 3.0], [2.5, 5.0, 9.0]
    claim, oracle = compare(first, second), stats.ttest_ind(first, second, equal_var=False)
    interval = oracle.confidence_interval()
    assert claim.p_value == pytest.approx(oracle.pvalue)
    assert (claim.low, claim.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert claim.se == pytest.approx(claim.difference / oracle.statistic)


@pytest.mark.parametrize(("n", "m", "p"), [(1, 1, 1.0), (2, 2, 1 / 3), (3, 3, 0.1), (6, 6, 2 / 924), (3, 5, 2 / 56)])
def test_the_smallest_p_counts_the_ways_to_share_the_seeds_out(n: int, m: int, p: float) -> None:
    assert smallest_p(n, m) == pytest.approx(p)


def test_the_smallest_p_of_pairs_counts_signs() -> None:
    assert smallest_p(3, 3, paired=True) == 0.25
    assert smallest_p(6, 6, paired=True) == 2 / 64


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 4), (2, 5), (6, 5), (7, 6), (21, 6)])
def test_a_larger_family_takes_more_seeds_to_test_at_all(comparisons: int, seeds: int) -> None:
    assert seeds_to_test(comparisons) == seeds


def test_three_seeds_test_nothing_however_large_the_difference() -> None:
    claim = compare([1.0, 1.1, 0.9], [100.0, 101.0, 99.0], comparisons=7)
    assert claim.p_value is not None and claim.p_value < 1e-4
    assert not claim.testable
    assert claim.text("cut", "unit").startswith("not testable with 3 seeds: cut minus unit is -99 in the mean")
    assert "needs 6 seeds a side or more (7 comparison(s))" in claim.text("cut", "unit")


def test_one_seed_has_a_difference_and_nothing_else() -> None:
    claim = compare([1.0], [2.0])
    assert (claim.difference, claim.se, claim.low, claim.high, claim.p_value) == (-1.0, None, None, None, None)
    assert claim.text("a", "b").startswith("not testable with 1 seed:") and "needs 4 seeds" in claim.text("a", "b")


def test_six_seeds_and_a_clear_difference_name_the_winner() -> None:
    claim = compare(LOW, HIGH)
    assert claim.text("cut", "unit").startswith("cut beats unit as a method:")
    assert compare(HIGH, LOW).text("unit", "cut").startswith("cut beats unit as a method:")


def test_no_clear_difference_says_how_many_seeds_would_show_it() -> None:
    claim = compare(LOW, [value + 0.06 for value in LOW])
    assert claim.p_value is not None and claim.p_value > 0.05
    text = claim.text("a", "b")
    assert text.startswith("neither method is shown to beat the other")
    assert f"{claim.seeds_needed} seeds a side would show such a difference" in text


def test_values_without_spread_are_not_tested() -> None:
    claim = compare([0.1 + 0.2] * 4, [0.4] * 4)
    assert claim.p_value is None and claim.testable
    assert claim.text("a", "b").startswith("not testable without a spread")


def test_the_seeds_needed_find_the_difference_in_four_of_five_trials() -> None:
    random = np.random.default_rng(0)
    needed = seeds_needed((1.0, 4.0), 1.0)
    assert needed is not None

    def power(n: int) -> float:
        first, second = 1 + random.normal(size=(4000, n)), 2 * random.normal(size=(4000, n))
        return float(np.mean(stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue <= 0.05))

    # The standard error of each is 0.006.
    assert 0.78 < power(needed) < 0.86
    assert power(needed * 3 // 4) < 0.78


def test_seeds_needed_grow_with_the_family_and_stop_at_a_thousand() -> None:
    one, many = seeds_needed((1.0, 1.0), 1.0), seeds_needed((1.0, 1.0), 1.0, comparisons=7)
    # The textbook's 17 a side at alpha 0.05, sd 1, difference 1.
    assert one == 17 and many is not None and many > one
    assert seeds_needed((1.0, 1.0), 0.01) is None
    assert seeds_needed((1.0, 1.0), 1e6, comparisons=7) == 6


def test_a_family_counts_every_comparison() -> None:
    family = over_family([(LOW, HIGH), (LOW, LOW), ([1.0], [2.0])])
    assert all(claim.comparisons == 3 for claim in family)
    assert family[0].p_value is not None
    assert family[0].adjusted_p == pytest.approx(3 * family[0].p_value)
    assert family[2].adjusted_p is None
    assert "Holm p" in family[0].text("a", "b")


def test_a_method_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="values of 0 and 1 seeds"):
        compare([], [1.0])
