"""Records of a dial study, made by hand: eight seeds of a rho that adapts, and learning it pays by 0.05."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from benchmarks.dial_study.design import ARMS, Setting
from benchmarks.dial_study.rho_records import RhoRecord
from ugbench.scoring.record import ScoreRecord

SETTINGS = [Setting(0, 0), Setting(1, 0), Setting(0, 1), Setting(1, 1)]
Records = tuple[list[RhoRecord], list[ScoreRecord]]


def dataset_name(setting: Setting) -> str:
    return f"dial-s{setting.shape:g}-t{setting.texture:g}-32"


def final_rho(setting: Setting, seed: int) -> float:
    """0.4 higher where texture alone changes than where shape alone changes."""
    return 0.5 + 0.2 * (setting.texture - setting.shape) + 0.001 * seed * (1 + setting.texture)


def make_rho(setting: Setting, variant: str, seed: int, value: float, direction: str = "A2B", **changes: Any) -> Any:
    fields = {
        "run": f"{tuple(setting)}{variant}{seed}",
        "dataset": dataset_name(setting),
        "shape": setting.shape,
        "texture": setting.texture,
        "direction": direction,
        "method": "ugatit",
        "variant": variant,
        "seed": seed,
        "step": 500,
        "start": ARMS[variant].rho,
        "value": value,
        "layers": {"rho/a": value},
    }
    return RhoRecord(**{**fields, **changes})


@pytest.fixture
def records(make_record: Callable[..., ScoreRecord]) -> Records:
    """Rhos of four settings and errors of the three in which something changes."""
    rhos = [
        make_rho(setting, variant, seed, final_rho(setting, seed), direction)
        for setting, variant, seed, direction in product(SETTINGS, ARMS, range(8), ("A2B", "B2A"))
        if ARMS[variant].learnt
    ]
    scores = [
        make_record(
            "changed",
            "ugatit",
            0.6 + (0.0 if ARMS[variant].learnt else 0.05 + 0.001 * seed),
            variant=variant,
            seed=seed,
            dataset=dataset_name(setting),
            direction=direction,
            step=500,
            run=f"{tuple(setting)}{variant}{seed}",
        )
        for setting, variant, seed, direction in product(SETTINGS[1:], ARMS, range(8), ("A2B", "B2A"))
    ]
    return rhos, scores
