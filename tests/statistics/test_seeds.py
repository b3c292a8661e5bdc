import pytest
from scipy import stats

from ugbench.statistics.seeds import compare, over_family, seeds_to_test

LOW, HIGH = [1.0, 1.2, 0.9, 1.1, 1.05, 0.95], [2.0, 2.3, 1.8, 2.1, 2.2, 1.9]


def test_the_interval_and_the_second_p_are_welchs() -> None:
    first, second = [1.0, 2.0, 4.0, 3.0], [2.5, 5.0, 9.0]
    claim, oracle = compare(first, second), stats.ttest_ind(first, second, equal_var=False)
    interval = oracle.confidence_interval()
    assert claim.welch_p == pytest.approx(oracle.pvalue)
    assert (claim.low, claim.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert claim.se == pytest.approx(claim.difference / oracle.statistic)


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 4), (2, 5), (6, 5), (7, 6), (21, 6)])
def test_a_larger_family_takes_more_seeds_to_test_at_all(comparisons: int, seeds: int) -> None:
    assert seeds_to_test(comparisons) == seeds


def test_the_claim_is_by_the_exact_test_and_holds_every_seeds_value() -> None:
    claim = compare(LOW, HIGH)
    assert claim.p_value == claim.smallest_p == pytest.approx(2 / 924)
    assert claim.welch_p is not None and claim.welch_p < 1e-4
    assert claim.values == (tuple(LOW), tuple(HIGH))


def test_three_seeds_test_nothing_however_large_the_difference() -> None:
    claim = compare([1.0, 1.1, 0.9], [100.0, 101.0, 99.0], comparisons=7)
    assert claim.welch_p is not None and claim.welch_p < 1e-4
    assert not claim.testable and not claim.is_shown and claim.detectable is None
    assert claim.text("cut", "unit").startswith("not testable with 3 seeds: cut minus unit is -99 in the mean")
    assert "needs 6 seeds per method or more (7 comparisons)" in claim.text("cut", "unit")


def test_one_seed_has_a_difference_and_nothing_else() -> None:
    claim = compare([1.0], [2.0])
    assert (claim.difference, claim.se, claim.low, claim.high, claim.welch_p) == (-1.0, None, None, None, None)
    assert claim.p_value == 1.0
    assert claim.text("a", "b").startswith("not testable with 1 seed:") and "needs 4 seeds" in claim.text("a", "b")


def test_six_seeds_and_a_clear_difference_name_the_winner() -> None:
    claim = compare(LOW, HIGH)
    assert claim.text("cut", "unit").startswith("cut beats unit as a method, on these images:")
    assert compare(HIGH, LOW).text("unit", "cut").startswith("cut beats unit as a method, on these images:")


def test_no_clear_difference_says_which_one_would_have_been_seen() -> None:
    claim = compare(LOW, [value + 0.06 for value in LOW])
    assert claim.p_value > 0.05 and claim.detectable is not None
    text = claim.text("a", "b", "KID x100", 100.0)
    assert text.startswith("neither method is shown to beat the other")
    assert claim.detectable_interval is not None
    low, high = (f"{100 * end:.3g}" for end in claim.detectable_interval)
    assert (
        f"would show a difference of {100 * claim.detectable:.3g} or more with a chance of 80 % (from {low} to {high}, "
        "because so few seeds leave their spread uncertain)" in text
    )


def test_values_without_spread_have_no_interval_and_the_test_still_holds() -> None:
    claim = compare([0.1] * 4, [0.4] * 4)
    assert (claim.se, claim.welch_p, claim.detectable) == (None, None, None)
    assert claim.p_value == pytest.approx(2 / 70) and claim.is_shown


def test_what_is_detectable_does_not_depend_on_the_difference_that_was_seen() -> None:
    near, far = (compare(LOW, [value + gap for value in LOW]).detectable for gap in (0.01, 5.0))
    assert near == pytest.approx(far)


def test_a_family_counts_every_comparison() -> None:
    family = over_family([(LOW, HIGH), (LOW, LOW), ([1.0], [2.0])])
    assert all(claim.comparisons == 3 for claim in family)
    assert family[0].adjusted_p == pytest.approx(3 * family[0].p_value)
    assert family[2].adjusted_p == 1.0 and not family[2].testable
    assert "exact p after Holm = 0.00649" in family[0].text("a", "b")


def test_a_method_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="values of 0 and 1 seeds"):
        compare([], [1.0])
