"""The tests of the dial study; docs/dial-study.md, sections "Is rho identified?" and "The contrasts", is their plan.

There is one value per seed. All arms of a seed start from the same other weights and see the same batches, so
differences are taken within each seed. Two questions are answered separately, with margins that were fixed before any
run:

- Does rho adapt? First rho must be identified: it ends at one place wherever it starts, and at one place in two
  generators that have the same task. Then it adapts if it ends at a different place where texture alone changes than
  where shape alone changes.
- Does learning rho pay? It pays if over these two settings each fixed rho, 0 and 1, leaves more error than the learnt
  rho. If the arms leave as much error as untouched inputs have, there is nothing to compare. There is one contrast per
  fixed rho. The learnt rho is not compared with the better fixed one in each setting: the lower of two noisy means is
  too low on average, so that comparison would not be fair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

from benchmarks.dial_study.design import FIXED_RHOS, PLACEBO, SHAPE, STARTS, TEXTURE, Setting
from benchmarks.dial_study.measurements import CHANGED_SETTINGS, OTHER_DIRECTION, Measurements
from ugbench.statistics.equivalence import Contrast, against_margin, over_family
from ugbench.statistics.seeds import seeds_to_test

RHO_MARGIN, ERROR_MARGIN = 0.1, 0.02
UNTOUCHED_ERROR = 1.0  # the error of an input that is left as it is
CONTRASTS = 3  # claimed together: of rho, and of the error compared with each of two fixed rhos

Adapts = Literal["not testable", "not identified", "adapts", "does not adapt", "undecided"]
Pays = Literal["not testable", "not learnt", "pays", "does not pay", "undecided"]


@dataclass(frozen=True)
class StartDifference:
    """Rho that was learnt from the second start minus rho that was learnt from the first."""

    setting: Setting
    starts: tuple[float, float]
    difference: Contrast


@dataclass(frozen=True)
class Verdict:
    """The answers to both questions, and the contrasts that they rest on.

    Attributes:
        answer: whether rho adapts.
        worth: whether learning rho pays.
        seeds: the seeds that have every run which the contrasts need.
        left_out: the declared seeds that lack some of these runs.
        needed: the number of seeds below which nothing is testable.
        unlearnt: the settings in which the arms leave as much error as untouched inputs have.
        meetings: for each pair of starts and each setting in which something changes.
        placebo: rho of A to B minus rho of B to A where nothing changes, so that both generators have the same task.
        moves: rho where texture alone changes minus rho where shape alone changes.
        pays: for each fixed rho, the error with learnt rho minus the error with the fixed one, over both settings.
    """

    answer: Adapts
    worth: Pays
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    needed: int
    unlearnt: tuple[Setting, ...]
    meetings: tuple[StartDifference, ...]
    placebo: Contrast | None
    moves: Contrast | None
    pays: Mapping[float, Contrast]

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        fields = asdict(self)
        return {**fields, "pays": {f"{rho:g}": contrast for rho, contrast in fields["pays"].items()}}


def judge(measurements: Measurements) -> Verdict:
    """The verdict on the complete seeds; measurements in other settings than the study's are not read."""
    seeds, needed = measurements.complete_seeds(), seeds_to_test(CONTRASTS, paired=True)
    left_out = tuple(seed for seed in measurements.seeds if seed not in seeds)
    if not seeds:
        return Verdict("not testable", "not testable", seeds, left_out, needed, (), (), None, None, {})
    start_differences = tuple(
        StartDifference(
            setting,
            (first, second),
            against_margin([measurements.start_difference(setting, first, second, s) for s in seeds], RHO_MARGIN),
        )
        for setting in CHANGED_SETTINGS
        for first, second in combinations(STARTS, 2)
    )
    placebo = against_margin(
        [measurements.rho(PLACEBO, s) - measurements.rho(PLACEBO, s, OTHER_DIRECTION) for s in seeds], RHO_MARGIN
    )
    moves, *pays = over_family(
        [
            against_margin([measurements.rho(TEXTURE, s) - measurements.rho(SHAPE, s) for s in seeds], RHO_MARGIN),
            *(
                against_margin([measurements.error_difference(rho, s) for s in seeds], ERROR_MARGIN, "below")
                for rho in FIXED_RHOS
            ),
        ]
    )
    testable = len(seeds) >= needed
    unlearnt = tuple(s for s in CHANGED_SETTINGS if measurements.mean_error(s, seeds) >= UNTOUCHED_ERROR)
    return Verdict(
        answer=_adapts(start_differences, placebo, moves) if testable else "not testable",
        worth=_pays(pays, learnt=not unlearnt) if testable else "not testable",
        seeds=seeds,
        left_out=left_out,
        needed=needed,
        unlearnt=unlearnt,
        meetings=start_differences,
        placebo=placebo,
        moves=moves,
        pays=dict(zip(FIXED_RHOS, pays, strict=True)),
    )


def _adapts(start_differences: Sequence[StartDifference], placebo: Contrast, moves: Contrast) -> Adapts:
    if not (all(start.difference.is_within for start in start_differences) and placebo.is_within):
        return "not identified"
    if moves.is_beyond:
        return "adapts"
    return "does not adapt" if moves.is_within else "undecided"


def _pays(contrasts: Sequence[Contrast], learnt: bool) -> Pays:
    if not learnt:
        return "not learnt"
    if all(contrast.is_beyond for contrast in contrasts):
        return "pays"
    return "does not pay" if any(contrast.is_within for contrast in contrasts) else "undecided"
