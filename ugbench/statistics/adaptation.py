"""Whether a learnt share, rho, adapts to how much shape and texture change; docs/dial-study.md is the plan.

Seeds are the unit. All arms of a seed start from the same weights and see the same batches, so that differences are
taken seed by seed. Two questions are answered apart, with margins that were fixed before any run:

- Does rho adapt? It has to be identified first: to end at one place wherever it starts, and at one place in two
  generators that have the same to do. Then it adapts if it ends elsewhere where texture alone changes than where
  shape alone does.
- Does learning rho pay? Over those two settings no fixed rho, 0 or 1, may leave as little error as the learnt one.
  Where the arms leave more error than untouched inputs have there is nothing to compare. These are two contrasts,
  one a fixed rho. The error of the better fixed one, setting by setting, would be a minimum
  of noisy means, so too low on average, and no fair thing to be held against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Literal, NamedTuple

from ugbench.direction import Direction
from ugbench.statistics.equivalence import Contrast, against_margin, over_family
from ugbench.statistics.seeds import seeds_to_test

RHO_MARGIN, ERROR_MARGIN = 0.1, 0.02
UNTOUCHED = 1.0  # the error of an input that is left as it is
CONTRASTS = 3  # claimed together: rho, and the error against each of two fixed places
DIRECTION: Direction = "A2B"
BACK: Direction = "B2A"

Answer = Literal["not testable", "not identified", "adapts", "does not adapt", "undecided"]
Worth = Literal["not testable", "not learnt", "pays", "does not pay", "undecided"]


class Setting(NamedTuple):
    """How much shape and texture change, each 0 to 1."""

    shape: float
    texture: float


PLACEBO, SHAPE, TEXTURE = Setting(0, 0), Setting(1, 0), Setting(0, 1)


class Rho(NamedTuple):
    """Where one run's rho ended: the run learnt it from `start`."""

    setting: Setting
    direction: Direction
    start: float
    seed: int


class Error(NamedTuple):
    """The error that one run left, the mean of both directions; `rho`: where it was learnt from, or where fixed."""

    setting: Setting
    learnt: bool
    rho: float
    seed: int


@dataclass(frozen=True)
class Plan:
    """What a study declared, two starts and one fixed place or more; a seed that lacks any of it is left out."""

    starts: Sequence[float]
    places: Sequence[float]
    seeds: Sequence[int]


@dataclass(frozen=True)
class Meeting:
    """What rho ended at from one start less what it ended at from another."""

    setting: Setting
    starts: tuple[float, float]
    difference: Contrast


@dataclass(frozen=True)
class Verdict:
    """What the study says.

    Attributes:
        answer: whether rho adapts.
        worth: whether learning rho pays.
        seeds: that have every run which the contrasts need; `left_out`: of the plan, that lack some.
        needed: seeds below which nothing is testable.
        unlearnt: settings where the arms leave as much error as untouched inputs have.
        meetings: every pair of starts, where shape alone and where texture alone changes.
        placebo: rho of A to B less that of B to A, where neither changes and both generators have the same to do.
        moves: rho where texture alone changes less rho where shape alone does.
        pays: by fixed rho, the error with the learnt one less that with the fixed one, over both settings.
    """

    answer: Answer
    worth: Worth
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    needed: int
    unlearnt: tuple[Setting, ...]
    meetings: tuple[Meeting, ...]
    placebo: Contrast | None
    moves: Contrast | None
    pays: Mapping[float, Contrast]


def judge(rhos: Mapping[Rho, float], errors: Mapping[Error, float], plan: Plan) -> Verdict:
    """The verdict on final rhos and errors (`changed`, the mean of both directions), one value a run.

    What belongs to other settings, directions, arms or seeds than the plan's is not read.
    """
    study = _Study(rhos, errors, plan)
    seeds, needed = study.whole_seeds(), seeds_to_test(CONTRASTS, paired=True)
    left_out = tuple(seed for seed in plan.seeds if seed not in seeds)
    if not seeds:
        return Verdict("not testable", "not testable", seeds, left_out, needed, (), (), None, None, {})
    meetings = tuple(
        Meeting(setting, (low, high), against_margin([study.gap(setting, low, high, s) for s in seeds], RHO_MARGIN))
        for setting in (SHAPE, TEXTURE)
        for low, high in combinations(sorted(plan.starts), 2)
    )
    alike = [study.rho(PLACEBO, s) - study.rho(PLACEBO, s, BACK) for s in seeds]
    placebo = against_margin(alike, RHO_MARGIN)
    differences = [study.rho(TEXTURE, s) - study.rho(SHAPE, s) for s in seeds]
    gains = {place: [study.gain(place, s) for s in seeds] for place in sorted(plan.places)}
    moves, *pays = over_family(
        [
            against_margin(differences, RHO_MARGIN),
            *(against_margin(values, ERROR_MARGIN, "below") for values in gains.values()),
        ]
    )
    testable = len(seeds) >= needed
    unlearnt = tuple(setting for setting in (SHAPE, TEXTURE) if study.mean_error(setting, seeds) >= UNTOUCHED)
    return Verdict(
        _answer(meetings, placebo, moves) if testable else "not testable",
        _worth(pays, not unlearnt) if testable else "not testable",
        seeds,
        left_out,
        needed,
        unlearnt,
        meetings,
        placebo,
        moves,
        dict(zip(gains, pays, strict=True)),
    )


@dataclass(frozen=True)
class _Study:
    """Values by run, and what one seed says."""

    rhos: Mapping[Rho, float]
    errors: Mapping[Error, float]
    plan: Plan

    @property
    def arms(self) -> list[tuple[bool, float]]:
        """Whether rho is learnt, and where it starts or stays."""
        return [(True, start) for start in self.plan.starts] + [(False, place) for place in self.plan.places]

    def whole_seeds(self) -> tuple[int, ...]:
        """The seeds that have every run which the contrasts need."""
        shares = [(setting, DIRECTION) for setting in (PLACEBO, SHAPE, TEXTURE)] + [(PLACEBO, BACK)]
        return tuple(
            seed
            for seed in self.plan.seeds
            if all(Rho(*own, start, seed) in self.rhos for own in shares for start in self.plan.starts)
            and all(Error(setting, *arm, seed) in self.errors for setting in (SHAPE, TEXTURE) for arm in self.arms)
        )

    def rho(self, setting: Setting, seed: int, direction: Direction = DIRECTION) -> float:
        """Mean over the starts."""
        return fmean(self.rhos[Rho(setting, direction, start, seed)] for start in self.plan.starts)

    def gap(self, setting: Setting, low: float, high: float, seed: int) -> float:
        """What is left of the distance between two starts."""
        ends = [self.rhos[Rho(setting, DIRECTION, start, seed)] for start in (low, high)]
        return ends[1] - ends[0]

    def mean_error(self, setting: Setting, seeds: Sequence[int]) -> float:
        """Over all arms."""
        return fmean(self.errors[Error(setting, *arm, seed)] for arm in self.arms for seed in seeds)

    def gain(self, place: float, seed: int) -> float:
        """Error with the learnt rho, a mean over starts, less that with rho at `place`; a mean over both settings."""
        changes = (SHAPE, TEXTURE)
        learnt = [self.errors[Error(setting, True, start, seed)] for setting in changes for start in self.plan.starts]
        return fmean(learnt) - fmean(self.errors[Error(setting, False, place, seed)] for setting in changes)


def _answer(meetings: tuple[Meeting, ...], placebo: Contrast, moves: Contrast) -> Answer:
    if not (all(one.difference.is_within for one in meetings) and placebo.is_within):
        return "not identified"
    if moves.is_beyond:
        return "adapts"
    return "does not adapt" if moves.is_within else "undecided"


def _worth(pays: list[Contrast], is_learnt: bool) -> Worth:
    if not is_learnt:
        return "not learnt"
    if all(one.is_beyond for one in pays):
        return "pays"
    return "does not pay" if any(one.is_within for one in pays) else "undecided"
