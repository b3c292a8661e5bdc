"""Means over seeds against a margin: what is beyond it, what is within it, and what is neither."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ugbench.statistics import equivalence
from ugbench.statistics.equivalence import against_margin, over_family

VALUES = [0.31, 0.28, 0.35, 0.30, 0.26, 0.33]


def test_the_interval_is_students_over_the_values() -> None:
    found = against_margin(VALUES, 0.1)
    low, high = stats.t.interval(0.95, 5, loc=np.mean(VALUES), scale=stats.sem(VALUES))
    assert (found.mean, found.se) == (pytest.approx(np.mean(VALUES)), pytest.approx(stats.sem(VALUES)))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.text() == f"{np.mean(VALUES):.3f} [{low:.3f}, {high:.3f}]"


def test_below_a_margin_is_scipys_one_sided_test_at_it() -> None:
    values = [-value for value in VALUES]
    found = against_margin(values, 0.28, "below")
    beyond = stats.ttest_1samp(values, -0.28, alternative="less").pvalue
    assert found.beyond == pytest.approx(beyond)
    assert found.within == pytest.approx(1 - beyond)


def test_outside_a_margin_on_both_sides_is_twice_the_nearer_one_sided_test() -> None:
    nearer = stats.ttest_1samp(VALUES, 0.28, alternative="greater").pvalue
    assert against_margin(VALUES, 0.28).beyond == pytest.approx(2 * nearer)
    assert against_margin([-value for value in VALUES], 0.28).beyond == pytest.approx(2 * nearer)
    assert against_margin(VALUES, 0.5).beyond == 1


def test_within_a_margin_is_two_one_sided_tests_which_is_its_90_per_cent_interval() -> None:
    _, high = stats.t.interval(0.90, 5, loc=np.mean(VALUES), scale=stats.sem(VALUES))
    assert against_margin(VALUES, high + 1e-6).is_within
    assert not against_margin(VALUES, high - 1e-6).is_within
    assert against_margin(VALUES, high).within == pytest.approx(0.05)
    assert against_margin([-value for value in VALUES], high).within == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("values", "side", "beyond", "within"),
    [
        ([0.3, 0.31, 0.29], "both", True, False),
        ([-0.3, -0.31, -0.29], "both", True, False),
        ([0.01, -0.01, 0.0], "both", False, True),
        ([0.3, -0.1, 0.1], "both", False, False),
        ([-0.3, -0.31, -0.29], "below", True, False),
        ([0.3, 0.31, 0.29], "below", False, True),
        ([0.01, -0.01, 0.0], "below", False, True),
        ([0.25, 0.25, 0.25], "both", True, False),
        ([0.0, 0.0, 0.0], "both", False, True),
        ([-0.25, -0.25, -0.25], "below", True, False),
        ([0.3], "both", False, False),
    ],
)
def test_what_is_said_against_a_margin_of_a_tenth(values, side, beyond, within) -> None:
    found = against_margin(values, 0.1, side)
    assert (found.is_beyond, found.is_within) == (beyond, within)


def test_at_the_margin_beyond_is_claimed_in_one_of_twenty_samples() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(-0.1, 0.05, (2000, 8))
    claimed = np.mean([against_margin(list(row), 0.1, "below").is_beyond for row in samples])
    assert claimed == pytest.approx(0.05, abs=0.015)
    both = np.mean([against_margin(list(row), 0.1).is_beyond for row in samples])
    assert both == pytest.approx(0.025, abs=0.01)
    within = np.mean([against_margin(list(row), 0.1).is_within for row in samples])
    assert within == pytest.approx(0.05, abs=0.015)


def test_a_family_is_claimed_after_holm_and_one_seed_counts_with_1() -> None:
    first, second = against_margin(VALUES, 0.27), against_margin(VALUES, 0.1)
    alone, one, other = over_family([against_margin([0.3], 0.1), first, second])
    assert alone.adjusted is None and not alone.is_beyond
    assert other.adjusted == pytest.approx(3 * second.beyond)
    assert one.adjusted == pytest.approx(2 * first.beyond)


def test_what_is_significant_alone_need_not_be_in_a_family() -> None:
    p = stats.t.ppf(0.98, 5)
    margin = float(np.mean(VALUES) - p * stats.sem(VALUES))
    own = against_margin(VALUES, margin)
    assert own.beyond == pytest.approx(0.04) and own.is_beyond
    assert not over_family([own, own])[0].is_beyond


@pytest.mark.parametrize(("values", "margin"), [([], 0.1), ([1.0], 0.0), ([1.0], -0.1)])
def test_no_values_or_no_margin_is_refused(values, margin) -> None:
    with pytest.raises(ValueError, match="at least 1 and above 0"):
        against_margin(values, margin)


def test_images_are_equivalent_if_the_ninety_percent_interval_is_inside_the_margin() -> None:
    assert equivalence.of_images(-0.05, 0.26, 0.27, 70).shown
    assert not equivalence.of_images(-0.05, 0.26, 0.25, 70).shown
    assert not equivalence.of_images(-0.26, 0.05, 0.25, 70).shown
    assert not equivalence.of_images(0.3, 0.4, 0.25, 70).shown


def test_with_too_few_images_equivalence_is_not_tested_and_the_sentence_says_why() -> None:
    untested = equivalence.of_images(None, None, 1.0, 70)
    assert (untested.low, untested.high, untested.shown) == (None, None, False)
    assert untested.text("checkpoints", "a", "b", "KID x100", 100) == (
        "equivalence of a and b as checkpoints within ±100 is not tested: its interval needs 70 images per set."
    )


def test_methods_are_equivalent_by_welchs_interval_over_seeds() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 6).tolist(), rng.normal(0.2, 3, 8).tolist()
    measured = equivalence.of_methods(first, second, 10.0)
    p_values = [
        stats.ttest_ind(first, np.array(second) + bound, equal_var=False, alternative=side).pvalue
        for bound, side in ((measured.low, "greater"), (measured.high, "less"))
    ]
    assert p_values == pytest.approx([0.05, 0.05], abs=1e-6)
    assert measured.shown


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], "4 seeds per method, and there are 3 and 4"),
        ([1.0] * 4, [1.0] * 4, "gave one value"),
    ],
)
def test_equivalence_of_methods_is_not_tested_without_seeds_or_spread(
    first: list[float], second: list[float], reason: str
) -> None:
    untested = equivalence.of_methods(first, second, 1.0)
    assert not untested.shown and untested.reason is not None and reason in untested.reason


def test_a_difference_at_the_margin_is_called_equivalent_in_at_most_a_twentieth() -> None:
    rng = np.random.default_rng(1)
    shown = [
        equivalence.of_methods(rng.normal(0, 1, 6).tolist(), rng.normal(2.0, 1, 6).tolist(), 2.0).shown
        for _ in range(2000)
    ]
    assert 0.03 < np.mean(shown) < 0.065


def test_the_sentence_has_the_tables_unit() -> None:
    claim = equivalence.Equivalence(0.02, -0.001, 0.0125)
    assert claim.text("checkpoints", "a", "b", "KID x100", 100) == (
        "a and b are equivalent as checkpoints: the 90 % interval of the difference in KID x100 is [-0.1, 1.25], "
        "inside ±2."
    )
    assert "are not shown to be equivalent" in equivalence.Equivalence(0.01, -0.001, 0.0125).text(
        "methods", "a", "b", ""
    )
