"""The verdict on a learnt rho, from values made by hand whose answer is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ugbench.statistics.adaptation import (
    BACK,
    DIRECTION,
    PLACEBO,
    SHAPE,
    TEXTURE,
    Error,
    Plan,
    Rho,
    Setting,
    Verdict,
    judge,
)

STARTS, PLACES, SEEDS = (0.0, 0.5, 1.0), (0.0, 1.0), range(8)
BOTH = Setting(1, 1)
Values = tuple[dict[Rho, float], dict[Error, float]]


def made(
    ends: Mapping[Setting, float],
    pull: float = 0.0,
    errors: Mapping[tuple[Setting, float | None], float] | None = None,
    seeds: Any = SEEDS,
    noise: float = 0.02,
) -> Values:
    """Runs whose rho ends at `ends`, plus `pull` times its start less 0.5, and whose errors are given by arm.

    Args:
        errors: by setting and place of a fixed rho, None for the learnt one; 0.6 where not given.
    """
    rng = random.Random(7)
    rhos, left = {}, {}
    for seed in seeds:
        for setting, end in ends.items():
            for start in STARTS:
                for way in (DIRECTION, BACK):
                    rhos[Rho(setting, way, start, seed)] = end + pull * (start - 0.5) + rng.gauss(0, noise)
            if setting != PLACEBO:
                common = rng.gauss(0, 0.1)  # what a seed does to all arms alike
                for learnt, places in ((True, STARTS), (False, PLACES)):
                    for place in places:
                        value = (errors or {}).get((setting, None if learnt else place), 0.6)
                        left[Error(setting, learnt, place, seed)] = value + common + rng.gauss(0, 0.01)
    return rhos, left


def judged(values: Values, seeds: Any = SEEDS) -> Verdict:
    return judge(*values, Plan(STARTS, PLACES, tuple(seeds)))


MOVES = {PLACEBO: 0.5, SHAPE: 0.3, TEXTURE: 0.7, BOTH: 0.5}
STAYS = {PLACEBO: 0.9, SHAPE: 0.5, TEXTURE: 0.52, BOTH: 0.5}
# Each fixed place is best for one setting, and the learnt one as good as the better.
CROSSED = {(SHAPE, 1.0): 0.8, (TEXTURE, 0.0): 0.8}
# A rho fixed at 1 is best in both.
ONE_BEST = {(SHAPE, 0.0): 0.8, (TEXTURE, 0.0): 0.8}


def test_a_rho_that_ends_by_setting_wherever_it_starts_adapts() -> None:
    found = judged(made(MOVES, errors=CROSSED))
    assert (found.answer, found.worth) == ("adapts", "pays")
    assert found.seeds == tuple(SEEDS) and found.left_out == ()
    assert found.moves is not None and found.moves.mean == pytest.approx(0.4, abs=0.02)
    assert {place: round(one.mean, 1) for place, one in found.pays.items()} == {0.0: -0.1, 1.0: -0.1}


def test_it_adapts_the_other_way_round_too() -> None:
    found = judged(made({**MOVES, SHAPE: 0.7, TEXTURE: 0.3}))
    assert found.answer == "adapts" and found.moves is not None
    assert found.moves.mean == pytest.approx(-0.4, abs=0.02)


def test_a_rho_that_ends_alike_in_both_settings_does_not_adapt_however_far_the_placebo_is() -> None:
    assert judged(made(STAYS)).answer == "does not adapt"


def test_a_rho_that_keeps_to_its_start_is_not_identified_however_far_it_moves() -> None:
    found = judged(made(MOVES, pull=0.3))
    assert found.answer == "not identified"
    gaps = {(one.setting, one.starts): one.difference for one in found.meetings}
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
        if key.setting == PLACEBO and key.direction == BACK:
            rhos[key] += 0.2
    found = judged((rhos, errors))
    assert found.answer == "not identified" and found.placebo is not None
    assert found.placebo.mean == pytest.approx(-0.2, abs=0.02)


def test_a_difference_at_the_margin_is_undecided() -> None:
    assert judged(made({**MOVES, SHAPE: 0.5, TEXTURE: 0.6}, noise=0.03)).answer == "undecided"


def test_where_one_fixed_place_is_best_everywhere_learning_does_not_pay() -> None:
    found = judged(made(MOVES, errors=ONE_BEST))
    assert (found.answer, found.worth) == ("adapts", "does not pay")
    assert found.pays[0.0].is_beyond and found.pays[1.0].is_within


def test_what_a_seed_does_to_all_arms_alike_is_in_no_error_of_a_contrast() -> None:
    found = judged(made(MOVES, errors=CROSSED))
    assert all(one.se is not None and one.se < 0.01 for one in found.pays.values())


def test_an_advantage_at_the_margin_is_undecided() -> None:
    close = {(setting, place): 0.62 for setting in (SHAPE, TEXTURE) for place in (0.0, 1.0)}
    assert judged(made(MOVES, errors=close)).worth == "undecided"


def test_learning_can_pay_where_rho_is_not_identified() -> None:
    assert (judged(made(MOVES, 0.3, CROSSED)).worth, judged(made(MOVES, 0.3)).worth) == ("pays", "does not pay")


def test_arms_that_leave_more_error_than_untouched_inputs_in_one_setting_have_nothing_to_compare() -> None:
    arms = (None, 0.0, 1.0)
    found = judged(made(MOVES, errors={(SHAPE, arm): 1.2 for arm in arms}))
    assert (found.answer, found.worth) == ("adapts", "not learnt")
    assert judged(made(MOVES, errors={(SHAPE, arm): 0.8 for arm in arms})).worth != "not learnt"


@pytest.mark.parametrize(("seeds", "testable"), [(6, False), (7, True)])
def test_under_seven_seeds_nothing_is_testable(seeds: int, testable: bool) -> None:
    found = judged(made(MOVES, errors=CROSSED, seeds=range(seeds)), range(seeds))
    assert found.needed == 7
    expected = ("adapts", "pays") if testable else ("not testable", "not testable")
    assert (found.answer, found.worth) == expected
    assert found.moves is not None  # the figures are given all the same


def without(values: Values, key: Rho | Error) -> Verdict:
    rhos, errors = values
    return judged(({k: v for k, v in rhos.items() if k != key}, {k: v for k, v in errors.items() if k != key}))


@pytest.mark.parametrize(
    ("key", "matters"),
    [
        (Rho(SHAPE, DIRECTION, 0.5, 3), True),
        (Rho(PLACEBO, DIRECTION, 0.0, 3), True),
        (Rho(PLACEBO, BACK, 0.0, 3), True),
        (Rho(SHAPE, BACK, 0.5, 3), False),
        (Rho(BOTH, DIRECTION, 0.5, 3), False),
        (Error(TEXTURE, False, 1.0, 3), True),
        (Error(TEXTURE, True, 1.0, 3), True),
        (Error(BOTH, True, 1.0, 3), False),
    ],
)
def test_a_seed_without_a_run_that_a_contrast_needs_is_left_out_and_named(key: Rho | Error, matters: bool) -> None:
    found = without(made(MOVES, errors=CROSSED), key)
    assert found.left_out == ((3,) if matters else ())
    assert len(found.seeds) == (7 if matters else 8)


def test_nothing_at_all_is_not_testable() -> None:
    found = judged(({}, {}))
    assert (found.answer, found.worth, found.left_out) == ("not testable", "not testable", tuple(SEEDS))


@pytest.mark.parametrize(
    "gone",
    [
        lambda key: isinstance(key, Error) and key.rho == 1.0 and not key.learnt,
        lambda key: isinstance(key, Error) and not key.learnt,
        lambda key: isinstance(key, Rho) and key.start > 0,
        lambda key: isinstance(key, Rho) and key.setting == PLACEBO,
    ],
    ids=["one fixed place", "every fixed place", "all starts but one", "the placebo"],
)
def test_without_an_arm_in_any_seed_nothing_is_claimed(gone: Callable[[Rho | Error], bool]) -> None:
    rhos, errors = made(MOVES, errors=ONE_BEST)
    found = judged(({k: v for k, v in rhos.items() if not gone(k)}, {k: v for k, v in errors.items() if not gone(k)}))
    assert (found.answer, found.worth) == ("not testable", "not testable")
    assert found.left_out == tuple(SEEDS)


def test_a_declared_seed_of_which_nothing_is_there_is_named() -> None:
    found = judged(made(MOVES, errors=CROSSED), range(9))
    assert (found.answer, found.left_out) == ("adapts", (8,))


def test_a_seed_that_was_not_declared_is_not_read() -> None:
    assert judged(made(MOVES, seeds=range(8)), range(7)).seeds == tuple(range(7))


def exact(rho: Mapping[Setting, float], error: Mapping[tuple[Setting, bool, float], float]) -> Values:
    """Eight seeds: rho as given, plus its start's square (a mean of 5/12); errors as given, 0.6 else."""
    rhos, errors = {}, {}
    for seed in SEEDS:
        jitter = 0.001 * (seed % 2)
        for setting in (PLACEBO, SHAPE, TEXTURE):
            for start in STARTS:
                for way in (DIRECTION, BACK):
                    less = jitter if way == DIRECTION else 0.0
                    rhos[Rho(setting, way, start, seed)] = rho.get(setting, 0.1) + start**2 * (0.05 + less)
        for setting in (SHAPE, TEXTURE):
            for arm in [(True, start) for start in STARTS] + [(False, place) for place in PLACES]:
                errors[Error(setting, *arm, seed)] = error.get((setting, *arm), 0.6) + jitter * arm[0]
    return rhos, errors


def test_a_seeds_rho_and_error_are_means_over_all_starts_and_settings() -> None:
    rhos, errors = exact({SHAPE: 0.2, TEXTURE: 0.5}, {(SHAPE, True, 0.5): 0.3, (TEXTURE, True, 1.0): 0.0})
    for seed in SEEDS:
        rhos[Rho(TEXTURE, DIRECTION, 0.5, seed)] += 0.03
    found = judged((rhos, errors))
    assert found.moves is not None
    assert found.moves.mean == pytest.approx(0.3 + 0.03 / 3)
    # Learnt: (0.6 + 0.3 + 0.6 + 0.6 + 0.6 + 0.0) / 6, and half of the seeds 0.001 more.
    assert found.pays[0.0].mean == found.pays[1.0].mean == pytest.approx(0.45 + 0.0005 - 0.6)


@pytest.mark.parametrize(("apart", "answer"), [(0.085, "does not adapt"), (0.115, "adapts"), (-0.115, "adapts")])
def test_a_tenth_of_the_way_is_the_margin_of_rho(apart: float, answer: str) -> None:
    assert judged(exact({SHAPE: 0.4, TEXTURE: 0.4 + apart}, {})).answer == answer


@pytest.mark.parametrize(("more", "worth"), [(0.025, "pays"), (0.015, "does not pay"), (-0.3, "does not pay")])
def test_two_hundredths_of_the_untouched_error_are_the_margin_of_errors(more: float, worth: str) -> None:
    fixed = {(setting, False, place): 0.6 + more for setting in (SHAPE, TEXTURE) for place in PLACES}
    assert judged(exact({}, fixed)).worth == worth


def test_three_claims_at_once_have_to_hold_after_holm() -> None:
    rhos, errors = exact({SHAPE: 0.4, TEXTURE: 0.4}, {})
    for seed in SEEDS:
        for start in STARTS:  # a mean 2.7 standard errors past the margin: 0.031 with 7 degrees, two-sided
            rhos[Rho(TEXTURE, DIRECTION, start, seed)] += 0.1 + 0.01 * (2.7 * (6**0.5) / (8**0.5) + seed - 3.5)
    found = judged((rhos, errors))
    assert found.moves is not None and found.moves.beyond == pytest.approx(0.031, abs=0.002)
    assert found.moves.adjusted == pytest.approx(3 * found.moves.beyond)
    assert found.answer == "undecided"


def test_whether_the_arms_learnt_is_asked_of_fixed_ones_too_and_of_whole_seeds_alone() -> None:
    fixed = {(SHAPE, False, place): 1.7 for place in PLACES}
    assert judged(exact({}, fixed)).worth == "not learnt"  # a mean of (3 * 0.6 + 2 * 1.7) / 5
    rhos, errors = exact({}, {})
    errors = {key: 50.0 if key.seed == 2 else value for key, value in errors.items()}
    del errors[Error(SHAPE, True, 0.0, 2)]
    found = judged((rhos, errors))
    assert (found.left_out, found.worth) == ((2,), "does not pay")
