"""Looks at the dial study that its plan makes no claim from: means and 95 % intervals over seeds, seeds paired.

python benchmarks/rho_looks.py docs/reference/dial-study
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from ugbench.direction import Direction
from ugbench.scoring import record
from ugbench.statistics.adaptation import PLACEBO, SHAPE, TEXTURE, Setting
from ugbench.statistics.equivalence import against_margin
from ugbench.tables.rho_records import RhoRecord, read_all

STARTS = {"rho-from-0": 0.0, "rho-from-05": 0.5, "rho-from-1": 1.0}
NORMS = ("norm1", "norm2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path)
    records = parser.parse_args().records
    rhos = read_all(records)
    print(json.dumps({**of_rho(rhos), **of_errors(records, rhos)}, indent=2))


def of_rho(rhos: list[RhoRecord]) -> dict[str, object]:
    """Where rho ended by start, direction and norm layer."""
    ends = {(Setting(one.shape, one.texture), one.direction, one.start, one.seed): one for one in rhos}
    seeds = sorted({one.seed for one in rhos})

    def moves(direction: Direction, starts: list[float]) -> str:
        return over(
            [
                fmean(
                    ends[TEXTURE, direction, start, seed].value - ends[SHAPE, direction, start, seed].value
                    for start in starts
                )
                for seed in seeds
            ]
        )

    def norm(setting: Setting, name: str, seed: int) -> float:
        own = [ends[setting, "A2B", start, seed].layers for start in STARTS.values()]
        return fmean(value for layers in own for layer, value in layers.items() if layer.endswith(name))

    settings = (PLACEBO, SHAPE, TEXTURE)
    return {
        "texture_minus_shape_by_start": {str(start): moves("A2B", [start]) for start in STARTS.values()},
        "texture_minus_shape_b_to_a": moves("B2A", list(STARTS.values())),
        "placebo_from_1_minus_from_0": over(
            [ends[PLACEBO, "A2B", 1.0, seed].value - ends[PLACEBO, "A2B", 0.0, seed].value for seed in seeds]
        ),
        "norm_layers": {
            str(tuple(map(int, setting))): {
                **{name: round(fmean(norm(setting, name, seed) for seed in seeds), 3) for name in NORMS},
                "second_minus_first": over([norm(setting, "norm2", s) - norm(setting, "norm1", s) for s in seeds]),
            }
            for setting in settings
        },
    }


def of_errors(records: Path, rhos: list[RhoRecord]) -> dict[str, object]:
    """Differences of the error left, the mean of both directions, in single settings."""
    settings = {one.dataset: Setting(one.shape, one.texture) for one in rhos}
    found: dict[tuple[Setting, str, int], list[float]] = defaultdict(list)
    for one in record.read_all(records):
        if one.metric == "changed" and one.seed is not None:
            found[settings[one.dataset], one.variant or "full", one.seed].append(one.value)
    seeds = sorted({seed for _, _, seed in found})

    def error(setting: Setting, variants: list[str], seed: int) -> float:
        return fmean(fmean(found[setting, variant, seed]) for variant in variants)

    def gap(setting: Setting, first: list[str], second: list[str]) -> str:
        return over([error(setting, first, seed) - error(setting, second, seed) for seed in seeds])

    learnt = list(STARTS)
    return {
        f"error_{name}": {str(tuple(map(int, setting))): gap(setting, *arms) for setting in (SHAPE, TEXTURE)}
        for name, arms in {
            "learnt_minus_fixed_at_0": (learnt, ["rho0"]),
            "learnt_minus_fixed_at_1": (learnt, ["adain"]),
            "fixed_at_0_minus_fixed_at_1": (["rho0"], ["adain"]),
            "full_minus_learnt": (["full"], learnt),
            "full_minus_fixed_at_0": (["full"], ["rho0"]),
            "full_minus_fixed_at_1": (["full"], ["adain"]),
        }.items()
    }


def over(values: list[float]) -> str:
    """Mean and 95 % interval of one value a seed."""
    return against_margin(values, 1.0).text()


if __name__ == "__main__":
    main()
