"""What each run of the dial study is reduced to, and the means over seeds.

There are two numbers: rho (for each direction the mean over the layers at the last step) and error (`changed`, the
mean of both directions).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

from benchmarks.dial_study.design import ARMS, METHOD, PLACEBO, SETTINGS, SHAPE, STARTS, TEXTURE, Arm, Setting
from benchmarks.dial_study.rho_records import RhoRecord
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UsageError
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.numbers import with_error

ERROR = "changed"  # the metric that is the error: 0 for the true translation, 1 for the input left as it is
DIRECTION: Direction = "A2B"  # the direction of the rho that the contrasts are about
OTHER_DIRECTION: Direction = "B2A"
CHANGED_SETTINGS = (SHAPE, TEXTURE)


class RhoKey(NamedTuple):
    """Which rho: of the run that learnt it from `start`, in the generator of this direction."""

    setting: Setting
    direction: Direction
    start: float
    seed: int


class ErrorKey(NamedTuple):
    """Which error: of the run of this arm."""

    setting: Setting
    arm: Arm
    seed: int


@dataclass(frozen=True)
class Measurements:
    """One value per run.

    Attributes:
        rhos: from 0 to 1, by run and direction.
        errors: 0 or more, by run.
        seeds: the seeds that were declared. Those that lack a run which a contrast needs are left out of the verdict.
    """

    rhos: Mapping[RhoKey, float]
    errors: Mapping[ErrorKey, float]
    seeds: Sequence[int]

    def complete_seeds(self) -> tuple[int, ...]:
        """The declared seeds that have every run which the contrasts need."""
        rho_places = [(setting, DIRECTION) for setting in SETTINGS] + [(PLACEBO, OTHER_DIRECTION)]
        return tuple(
            seed
            for seed in self.seeds
            if all(RhoKey(*place, start, seed) in self.rhos for place in rho_places for start in STARTS)
            and all(
                ErrorKey(setting, arm, seed) in self.errors for setting in CHANGED_SETTINGS for arm in ARMS.values()
            )
        )

    def rho(self, setting: Setting, seed: int, direction: Direction = DIRECTION) -> float:
        """The mean over the starts."""
        return fmean(self.rhos[RhoKey(setting, direction, start, seed)] for start in STARTS)

    def start_difference(self, setting: Setting, first: float, second: float, seed: int) -> float:
        """Rho that was learnt from the second start minus rho that was learnt from the first."""
        return self.rhos[RhoKey(setting, DIRECTION, second, seed)] - self.rhos[RhoKey(setting, DIRECTION, first, seed)]

    def mean_error(self, setting: Setting, seeds: Iterable[int]) -> float:
        """The mean over all arms and these seeds."""
        return fmean(self.errors[ErrorKey(setting, arm, seed)] for arm in ARMS.values() for seed in seeds)

    def error_difference(self, fixed_rho: float, seed: int) -> float:
        """The error with learnt rho (mean over the starts) minus that with rho fixed there; mean over both settings."""
        learnt = [
            self.errors[ErrorKey(setting, Arm(True, start), seed)] for setting in CHANGED_SETTINGS for start in STARTS
        ]
        fixed = [self.errors[ErrorKey(setting, Arm(False, fixed_rho), seed)] for setting in CHANGED_SETTINGS]
        return fmean(learnt) - fmean(fixed)

    def settings(self) -> list[Setting]:
        """Where there is a rho: the placebo, shape, texture, then what changes more. Errors are read nowhere else."""
        return sorted(
            {key.setting for key in self.rhos}, key=lambda setting: (setting.shape + setting.texture, -setting.shape)
        )


def gather(rhos: Iterable[RhoRecord], scores: Iterable[ScoreRecord], seeds: Iterable[int] = ()) -> Measurements:
    """The measurements in records, oldest first. If there are several records of one run, the newest counts.

    These scores are not read: of variants that are no arms of the study, on data sets of which there is no rho, after
    other numbers of steps than the rhos, and of checkpoints that were selected by a metric.

    Args:
        seeds: the seeds that were declared; those of which there is a rho or a score count as declared too.
    Raises:
        UsageError: the records are of several studies: there are several dials for one setting, several numbers of
            steps, several runs of one arm and seed, or scores of several protocols.
    """
    rhos = [record for record in rhos if record.method == METHOD]
    settings = {record.dataset: record.setting for record in rhos}
    for setting in set(settings.values()):
        names = (name for name, dial_setting in settings.items() if dial_setting == setting)
        _check_single(names, f"data sets at {setting}")
    _check_single((f"{record.step:,}" for record in rhos), "numbers of steps")
    steps = {record.step for record in rhos}
    errors = [
        record
        for record in scores
        if (record.metric, record.method) == (ERROR, METHOD)
        and record.variant in ARMS
        and record.seed is not None
        and record.dataset in settings
        and record.step in steps
        and not record.selected
    ]
    _check_single((record.protocol_id for record in errors), f"protocols of {ERROR}")
    runs: dict[tuple[Setting, str, int], set[str]] = defaultdict(set)
    for rho in rhos:
        runs[rho.setting, rho.variant, rho.seed].add(rho.run)
    by_direction: dict[ErrorKey, dict[Direction, float]] = defaultdict(dict)
    for score in errors:
        setting, variant, seed = settings[score.dataset], str(score.variant), int(score.seed or 0)
        runs[setting, variant, seed].add(score.run)
        by_direction[ErrorKey(setting, ARMS[variant], seed)][score.direction] = score.value
    for (setting, variant, seed), ids in runs.items():
        _check_single(ids, f"runs of {variant}, seed {seed}, at {setting}")
    return Measurements(
        {RhoKey(record.setting, record.direction, record.start, record.seed): record.value for record in rhos},
        {key: fmean(values.values()) for key, values in by_direction.items() if len(values) == len(DIRECTIONS)},
        tuple(sorted({*seeds, *(seed for _, _, seed in runs)})),
    )


def _check_single(names: Iterable[str], what: str) -> None:
    """Raises UsageError if there are several different names."""
    different = sorted(set(names))
    if len(different) > 1:
        raise UsageError(
            f"these records are of several {what} ({', '.join(different)}), so of several studies; keep each study "
            "in its own --results folder."
        )


MEANS_HEADER = ("shape, texture", "rho", "rho A to B", "rho B to A", ERROR)


def means(measurements: Measurements) -> list[tuple[str, ...]]:
    """One row per setting and arm, under MEANS_HEADER: final rho and error, means over seeds ± standard error.

    A cell is empty if there is no value.
    """
    rows = []
    for setting in measurements.settings():
        for arm in ARMS.values():
            rhos = [
                [v for k, v in measurements.rhos.items() if arm.learnt and k[:3] == (setting, direction, arm.rho)]
                for direction in DIRECTIONS
            ]
            errors = [value for key, value in measurements.errors.items() if key[:2] == (setting, arm)]
            if any((*rhos, errors)):
                cells = [_mean_with_error(values) for values in (*rhos, errors)]
                rows.append((f"{setting.shape:g}, {setting.texture:g}", str(arm), *cells))
    return rows


def _mean_with_error(values: Sequence[float]) -> str:
    """`0.512 ± 0.021`; empty if there are no values."""
    if not values:
        return ""
    return with_error(fmean(values), stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None)
