"""What the plan of the dial study makes no claim from: means and 95 % intervals over seeds, seeds paired."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.dial_study import rho_records
from benchmarks.dial_study.design import ARMS, METHOD, PLACEBO, SETTINGS, SHAPE, STARTS, TEXTURE, Setting
from benchmarks.dial_study.measurements import ERROR
from benchmarks.dial_study.rho_records import RhoRecord
from ugbench.direction import Direction
from ugbench.scoring import record
from ugbench.statistics.equivalence import against_margin

NORMS = ("norm1", "norm2")
PRESET_RHO = "preset"  # the method without a variant: rho as the preset has it


def summary(results: Path) -> dict[str, Any]:
    """The differences of rho and of error that docs/dial-study.md quotes in its exploratory section.

    Args:
        results: holds the records of all arms, and of the method without a variant on SHAPE and TEXTURE.
    """
    rhos = rho_records.read_all(results)
    return {**_of_rho(rhos), **_of_errors(results, rhos)}


def _of_rho(rhos: list[RhoRecord]) -> dict[str, object]:
    """Where rho ended, by start, direction and norm layer."""
    records = {(rho.setting, rho.direction, rho.start, rho.seed): rho for rho in rhos}
    seeds = sorted({rho.seed for rho in rhos})

    def texture_minus_shape(direction: Direction, starts: Sequence[float]) -> str:
        return _mean_and_interval(
            [
                fmean(
                    records[TEXTURE, direction, start, seed].value - records[SHAPE, direction, start, seed].value
                    for start in starts
                )
                for seed in seeds
            ]
        )

    def norm_rho(setting: Setting, norm: str, seed: int) -> float:
        layers = [records[setting, "A2B", start, seed].layers for start in STARTS]
        return fmean(rho for by_layer in layers for layer, rho in by_layer.items() if layer.endswith(norm))

    return {
        "texture_minus_shape_by_start": {str(start): texture_minus_shape("A2B", [start]) for start in STARTS},
        "texture_minus_shape_b_to_a": texture_minus_shape("B2A", STARTS),
        "placebo_from_1_minus_from_0": _mean_and_interval(
            [records[PLACEBO, "A2B", 1.0, seed].value - records[PLACEBO, "A2B", 0.0, seed].value for seed in seeds]
        ),
        "norm_layers": {
            _key(setting): {
                **{norm: round(fmean(norm_rho(setting, norm, seed) for seed in seeds), 3) for norm in NORMS},
                "second_minus_first": _mean_and_interval(
                    [norm_rho(setting, "norm2", seed) - norm_rho(setting, "norm1", seed) for seed in seeds]
                ),
            }
            for setting in SETTINGS
        },
    }


def _of_errors(results: Path, rhos: list[RhoRecord]) -> dict[str, object]:
    """Differences between the errors of arms, the mean of both directions, in single settings."""
    settings = {rho.dataset: rho.setting for rho in rhos}
    errors: dict[tuple[Setting, str, int], list[float]] = defaultdict(list)
    for score in record.read_all(results):
        if (score.metric, score.method) == (ERROR, METHOD) and score.seed is not None:
            errors[settings[score.dataset], score.variant or PRESET_RHO, score.seed].append(score.value)
    seeds = sorted({seed for _, _, seed in errors})

    def mean_error(setting: Setting, variants: list[str], seed: int) -> float:
        return fmean(fmean(errors[setting, variant, seed]) for variant in variants)

    def difference(setting: Setting, first: list[str], second: list[str]) -> str:
        return _mean_and_interval(
            [mean_error(setting, first, seed) - mean_error(setting, second, seed) for seed in seeds]
        )

    learnt = [variant for variant, arm in ARMS.items() if arm.learnt]
    pairs = {
        "learnt_minus_fixed_at_0": (learnt, ["rho0"]),
        "learnt_minus_fixed_at_1": (learnt, ["adain"]),
        "fixed_at_0_minus_fixed_at_1": (["rho0"], ["adain"]),
        "full_minus_learnt": ([PRESET_RHO], learnt),
        "full_minus_fixed_at_0": ([PRESET_RHO], ["rho0"]),
        "full_minus_fixed_at_1": ([PRESET_RHO], ["adain"]),
    }
    return {
        f"error_{name}": {_key(setting): difference(setting, *arms) for setting in (SHAPE, TEXTURE)}
        for name, arms in pairs.items()
    }


def _key(setting: Setting) -> str:
    return f"({setting.shape:g}, {setting.texture:g})"


def _mean_and_interval(values: Sequence[float]) -> str:
    """The mean of one value per seed and its 95 % interval; neither depends on the margin."""
    return against_margin(values, 1.0).text()
