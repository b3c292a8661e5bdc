"""DRIT's steps equal a plain reference step."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path

import pytest
import torch
from torch import nn

from baselines.drit import DRIT
from ugbench.contract.small_methods import random_batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

STEPS, LR = 6, 1e-3
SMALL = {"size": 48, "channels": 2, "discriminator_channels": 2, "blocks": 1, "steps": STEPS, "lr": LR}


def biases_before_a_norm(method: nn.Module) -> set[str]:
    """An instance norm removes them, so their gradient is rounding alone, which Adam scales up."""
    return {
        f"{name}.{place}.bias"
        for name, layers in method.named_modules()
        if isinstance(layers, nn.Sequential)
        for place, following in enumerate(layers[1:])
        if isinstance(following, nn.InstanceNorm2d)
    }


@pytest.mark.parametrize(
    ("variant", "batch_size", "clip_norm", "seeking"),
    [(None, 1, 5.0, 0.0), (None, 2, 0.02, 1.0), ("transform", 2, 0.02, 0.0), ("transform", 1, 5.0, 0.5)],
)
def test_six_steps_of_the_engine_equal_a_plain_loop(
    variant: str | None, batch_size: int, clip_norm: float, seeking: float, deterministic: None
) -> None:
    fields = {**SMALL, "content_clip_norm": clip_norm, "mode_seeking_weight": seeking}
    method = DRIT(DRIT.make_config("smoke", variant, fields)).double()
    oracle = runpy.run_path(str(Path(__file__).with_name("drit_oracle.py")))
    plain = {name: copy.deepcopy(getattr(method, name)) for name in oracle["NAMES"]}
    assert plain.keys() == dict(method.named_children()).keys()
    batches = [random_batch(method, batch_size, torch.float64, step) for step in range(STEPS)]

    phases = Phases(build_optimizers(method), method.period)
    history = []
    for batch in batches:
        train_step(method, phases, batch)
        history.append({term: float(value) for term, value in phases.results()[0].items()})

    expected_history = oracle["train"](
        plain,
        [(batch.a, batch.b, batch.draws) for batch in batches],
        steps=STEPS,
        lr=LR,
        clip_norm=clip_norm,
        seeking=seeking,
    )
    assert [len(losses) for losses in history] == [2, 2, 26 + 2 * bool(seeking)] * 2
    for ours, expected in zip(history, expected_history, strict=True):
        assert ours == pytest.approx(expected, abs=1e-9, rel=0)
    useless = biases_before_a_norm(method)
    assert useless
    for name, network in plain.items():
        state = getattr(method, name).state_dict()
        for key, value in network.state_dict().items():
            label = f"{name}.{key}"
            tolerance = 1e-7 if label in useless else 1e-9
            torch.testing.assert_close(state[key], value, rtol=0, atol=tolerance, msg=lambda m, k=label: f"{k}: {m}")
