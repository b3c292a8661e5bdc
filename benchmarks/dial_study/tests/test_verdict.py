"""The verdict on a learnt rho, from values made by hand for which the answer is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from benchmarks.dial_study.design import ARMS, FIXED_RHOS, PLACEBO, SHAPE, STARTS, TEXTURE, Arm, Setting
from benchmarks.dial_study.measurements import DIRECTION, OTHER_DIRECTION, ErrorKey, Measurements, RhoKey
from benchmarks.dial_study.verdict import Verdict, judge

SEEDS = range(8)
BOTH = Setting(1, 1)
Values = tuple[dict[RhoKey, float], dict[ErrorKey, float]]


def made(
    ends: Mapping[Setting, float],
    pull: float = 0.0,
    errors: Mapping[tuple[Setting, float | None], float] | None = None,
    seeds: Any = SEEDS,
    noise: float = 0.02,
) -> Values:
    """Runs whose rho ends at `ends`, plus `pull` times its start less 0.5, and whose errors are given by arm.

    Args:
        errors: by setting and fixed rho, None for the learnt one; 0.6 where not given.
    """
    rng = random.Random(7)
    rhos, errors_left = {}, {}
    for seed in seeds:
        for setting, end in ends.items():
            for start in STARTS:
                for direction in (DIRECTION, OTHER_DIRECTION):
                    rhos[RhoKey(setting, direction, start, seed)] = end + pull * (start - 0.5) + rng.gauss(0, noise)
            if setting != PLACEBO:
                common = rng.gauss(0, 0.1)  # what a seed does to all arms alike
                for arm in ARMS.values():
                    value = (errors or {}).get((setting, None if arm.learnt else arm.rho), 0.6)
                    errors_left[ErrorKey(setting, arm, seed)] = value + common + rng.gauss(0, 0.01)
    return rhos, errors_left


def judged(values: Values, seeds: Any = SEEDS) -> Verdict:
    return judge(Measurements(*values, tuple(seeds)))


MOVES = {PLACEBO: 0.5, SHAPE: 0.3, TEXTURE: 0.7, BOTH: 0.5}
STAYS = {PLACEBO: 0.9, SHAPE: 0.5, TEXTURE: 0.52, BOTH: 0.5}
# Each fixed rho is best for one setting, and the learnt one is as good as the better of the two.
CROSSED = {(SHAPE, 1.0): 0.8, (TEXTURE, 0.0): 0.8}
# A rho fixed at 1 is best in both.
ONE_BEST = {(SHAPE, 0.0): 0.8, (TEXTURE, 0.0): 0.8}


def test_a_rho_that_ends_by_setting_wherever_it_starts_adapts() -> None:
    verdict = judged(made(MOVES, errors=CROSSED))
    assert (verdict.answer, verdict.worth) == ("adapts", "pays")
    assert verdict.seeds == tuple(SEEDS) and verdict.left_out == ()
    assert verdict.moves is not None and verdict.moves.mean == pytest.approx(0.4, abs=0.02)
    assert {rho: round(contrast.mean, 1) for rho, contrast in verdict.pays.items()} == {0.0: -0.1, 1.0: -0.1}


def test_it_adapts_the_other_way_round_too() -> None:
    verdict = judged(made({**MOVES, SHAPE: 0.7, TEXTURE: 0.3}))
    assert verdict.answer == "adapts" and verdict.moves is not None
    assert verdict.moves.mean == pytest.approx(-0.4, abs=0.02)


def test_a_rho_that_ends_alike_in_both_settings_does_not_adapt_however_far_the_placebo_is() -> None:
    assert judged(made(STAYS)).answer == "does not adapt"


def test_a_rho_that_keeps_to_its_start_is_not_identified_however_far_it_moves() -> None:
    verdict = judged(made(MOVES, pull=0.3))
    assert verdict.answer == "not identified"
    gaps = {(start.setting, start.starts): start.difference for start in verdict.meetings}
    assert set(gaps) == {(s, pair) for s in (SHAPE, TEXTURE) for pair in ((0, 0.5), (0, 1), (0.5, 1))}
    assert gaps[SHAPE, (0, 1)].mean == pytest.approx(0.3, abs=0.02)
    assert not gaps[SHAPE, (0, 1)].is_within and not gaps[TEXTURE, (0, 0.5)].is_within


def test_starts_that_part_in_one_setting_alone_are_enough_not_to_identify() -> None:
    rhos, errors = made(MOVES)
    for key in list(rhos):
        if key.setting == TEXTURE and key.start == 1.0:
            rhos[key] += 0.2
    assert judged((rhos, errors)).answer == "not identified"


def test_two_generators_that_part_in_the_placebo_are_not_identified() -> None:
    rhos, errors = made(MOVES)
    for key in list(rhos):
        if key.setting == PLACEBO and key.direction == OTHER_DIRECTION:
            rhos[key] += 0.2
    verdict = judged((rhos, errors))
    assert verdict.answer == "not identified" and verdict.placebo is not None
    assert verdict.placebo.mean == pytest.approx(-0.2, abs=0.02)


def test_a_difference_at_the_margin_is_undecided() -> None:
    assert judged(made({**MOVES, SHAPE: 0.5, TEXTURE: 0.6}, noise=0.03)).answer == "undecided"


def test_where_one_fixed_rho_is_best_everywhere_learning_does_not_pay() -> None:
    verdict = judged(made(MOVES, errors=ONE_BEST))
    assert (verdict.answer, verdict.worth) == ("adapts", "does not pay")
    assert verdict.pays[0.0].is_beyond and verdict.pays[1.0].is_within


def test_what_a_seed_does_to_all_arms_alike_is_in_no_error_of_a_contrast() -> None:
    verdict = judged(made(MOVES, errors=CROSSED))
    assert all(contrast.se is not None and contrast.se < 0.01 for contrast in verdict.pays.values())


def test_an_advantage_at_the_margin_is_undecided() -> None:
    close = {(setting, rho): 0.62 for setting in (SHAPE, TEXTURE) for rho in FIXED_RHOS}
    assert judged(made(MOVES, errors=close)).worth == "undecided"


def test_learning_can_pay_where_rho_is_not_identified() -> None:
    assert (judged(made(MOVES, 0.3, CROSSED)).worth, judged(made(MOVES, 0.3)).worth) == ("pays", "does not pay")


def test_arms_that_leave_more_error_than_untouched_inputs_in_one_setting_have_nothing_to_compare() -> None:
    arms = (None, 0.0, 1.0)
    verdict = judged(made(MOVES, errors={(SHAPE, arm): 1.2 for arm in arms}))
    assert (verdict.answer, verdict.worth) == ("adapts", "not learnt")
    assert judged(made(MOVES, errors={(SHAPE, arm): 0.8 for arm in arms})).worth != "not learnt"


@pytest.mark.parametrize(("seeds", "testable"), [(6, False), (7, True)])
def test_under_seven_seeds_nothing_is_testable(seeds: int, testable: bool) -> None:
    verdict = judged(made(MOVES, errors=CROSSED, seeds=range(seeds)), range(seeds))
    assert verdict.needed == 7
    expected = ("adapts", "pays") if testable else ("not testable", "not testable")
    assert (verdict.answer, verdict.worth) == expected
    assert verdict.moves is not None  # the figures are given all the same


def without(values: Values, key: RhoKey | ErrorKey) -> Verdict:
    rhos, errors = values
    return judged(({k: v for k, v in rhos.items() if k != key}, {k: v for k, v in errors.items() if k != key}))


@pytest.mark.parametrize(
    ("key", "matters"),
    [
        (RhoKey(SHAPE, DIRECTION, 0.5, 3), True),
        (RhoKey(PLACEBO, DIRECTION, 0.0, 3), True),
        (RhoKey(PLACEBO, OTHER_DIRECTION, 0.0, 3), True),
        (RhoKey(SHAPE, OTHER_DIRECTION, 0.5, 3), False),
        (RhoKey(BOTH, DIRECTION, 0.5, 3), False),
        (ErrorKey(TEXTURE, Arm(False, 1.0), 3), True),
        (ErrorKey(TEXTURE, Arm(True, 1.0), 3), True),
        (ErrorKey(BOTH, Arm(True, 1.0), 3), False),
    ],
)
def test_a_seed_without_a_run_that_a_contrast_needs_is_left_out_and_named(
    key: RhoKey | ErrorKey, matters: bool
) -> None:
    verdict = without(made(MOVES, errors=CROSSED), key)
    assert verdict.left_out == ((3,) if matters else ())
    assert len(verdict.seeds) == (7 if matters else 8)


def test_nothing_at_all_is_not_testable() -> None:
    verdict = judged(({}, {}))
    assert (verdict.answer, verdict.worth, verdict.left_out) == ("not testable", "not testable", tuple(SEEDS))


@pytest.mark.parametrize(
    "gone",
    [
        lambda key: isinstance(key, ErrorKey) and key.arm == Arm(False, 1.0),
        lambda key: isinstance(key, ErrorKey) and not key.arm.learnt,
        lambda key: isinstance(key, RhoKey) and key.start > 0,
        lambda key: isinstance(key, RhoKey) and key.setting == PLACEBO,
    ],
    ids=["one fixed rho", "every fixed rho", "all starts but one", "the placebo"],
)
def test_without_an_arm_in_any_seed_nothing_is_claimed(gone: Callable[[RhoKey | ErrorKey], bool]) -> None:
    rhos, errors = made(MOVES, errors=ONE_BEST)
    verdict = judged(({k: v for k, v in rhos.items() if not gone(k)}, {k: v for k, v in errors.items() if not gone(k)}))
    assert (verdict.answer, verdict.worth) == ("not testable", "not testable")
    assert verdict.left_out == tuple(SEEDS)


def test_a_declared_seed_of_which_nothing_is_there_is_named() -> None:
    verdict = judged(made(MOVES, errors=CROSSED), range(9))
    assert (verdict.answer, verdict.left_out) == ("adapts", (8,))


def test_a_seed_that_was_not_declared_is_not_read() -> None:
    assert judged(made(MOVES, seeds=range(8)), range(7)).seeds == tuple(range(7))


def exact(rho: Mapping[Setting, float], error: Mapping[tuple[Setting, Arm], float]) -> Values:
    """Eight seeds: rho as given, plus its start's square (a mean of 5/12); errors as given, 0.6 else."""
    rhos, errors = {}, {}
    for seed in SEEDS:
        jitter = 0.001 * (seed % 2)
        for setting in (PLACEBO, SHAPE, TEXTURE):
            for start in STARTS:
                for direction in (DIRECTION, OTHER_DIRECTION):
                    less = jitter if direction == DIRECTION else 0.0
                    rhos[RhoKey(setting, direction, start, seed)] = rho.get(setting, 0.1) + start**2 * (0.05 + less)
        for setting in (SHAPE, TEXTURE):
            for arm in ARMS.values():
                errors[ErrorKey(setting, arm, seed)] = error.get((setting, arm), 0.6) + jitter * arm.learnt
    return rhos, errors


def test_a_seeds_rho_and_error_are_means_over_all_starts_and_settings() -> None:
    rhos, errors = exact({SHAPE: 0.2, TEXTURE: 0.5}, {(SHAPE, Arm(True, 0.5)): 0.3, (TEXTURE, Arm(True, 1.0)): 0.0})
    for seed in SEEDS:
        rhos[RhoKey(TEXTURE, DIRECTION, 0.5, seed)] += 0.03
    verdict = judged((rhos, errors))
    assert verdict.moves is not None
    assert verdict.moves.mean == pytest.approx(0.3 + 0.03 / 3)
    # Learnt: (0.6 + 0.3 + 0.6 + 0.6 + 0.6 + 0.0) / 6, and half of the seeds 0.001 more.
    assert verdict.pays[0.0].mean == verdict.pays[1.0].mean == pytest.approx(0.45 + 0.0005 - 0.6)


@pytest.mark.parametrize(("apart", "answer"), [(0.085, "does not adapt"), (0.115, "adapts"), (-0.115, "adapts")])
def test_a_tenth_of_the_way_is_the_margin_of_rho(apart: float, answer: str) -> None:
    assert judged(exact({SHAPE: 0.4, TEXTURE: 0.4 + apart}, {})).answer == answer


@pytest.mark.parametrize(("more", "worth"), [(0.025, "pays"), (0.015, "does not pay"), (-0.3, "does not pay")])
def test_two_hundredths_of_the_untouched_error_are_the_margin_of_errors(more: float, worth: str) -> None:
    fixed = {(setting, Arm(False, rho)): 0.6 + more for setting in (SHAPE, TEXTURE) for rho in FIXED_RHOS}
    assert judged(exact({}, fixed)).worth == worth


def test_three_claims_at_once_have_to_hold_after_holm() -> None:
    rhos, errors = exact({SHAPE: 0.4, TEXTURE: 0.4}, {})
    for seed in SEEDS:
        for start in STARTS:  # a mean 2.7 standard errors past the margin: 0.031 with 7 degrees, two-sided
            rhos[RhoKey(TEXTURE, DIRECTION, start, seed)] += 0.1 + 0.01 * (2.7 * (6**0.5) / (8**0.5) + seed - 3.5)
    verdict = judged((rhos, errors))
    assert verdict.moves is not None and verdict.moves.beyond == pytest.approx(0.031, abs=0.002)
    assert verdict.moves.adjusted == pytest.approx(3 * verdict.moves.beyond)
    assert verdict.answer == "undecided"


def test_whether_the_arms_learnt_is_asked_of_fixed_ones_too_and_of_complete_seeds_alone() -> None:
    fixed = {(SHAPE, Arm(False, rho)): 1.7 for rho in FIXED_RHOS}
    assert judged(exact({}, fixed)).worth == "not learnt"  # a mean of (3 * 0.6 + 2 * 1.7) / 5
    rhos, errors = exact({}, {})
    errors = {key: 50.0 if key.seed == 2 else value for key, value in errors.items()}
    del errors[ErrorKey(SHAPE, Arm(True, 0.0), 2)]
    verdict = judged((rhos, errors))
    assert (verdict.left_out, verdict.worth) == ((2,), "does not pay")
