"""AGGAN's steps, before and after the switch, equal a plain reference step."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from baselines.aggan import AGGAN
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

SHORT = {
    "g_ab": "generator_a2b",
    "g_ba": "generator_b2a",
    "att_a": "attention_a",
    "att_b": "attention_b",
    "d_a": "discriminator_a",
    "d_b": "discriminator_b",
}
STEPS, SWITCH, LR, POOL = 6, 3, 2.0**-10, 3


def trained_both_ways(batch_size: int, **fields: Any) -> tuple[Any, ...]:
    """The method, its losses, plain networks, and their losses, after six steps with the switch after three."""
    small = {"size": 32, "channels": 2, "attention_channels": 2, "discriminator_channels": 2, "blocks": 1}
    overrides = {**small, "batch_size": batch_size, "steps": STEPS, "lr": LR, "pool_size": POOL, **fields}
    method = AGGAN(AGGAN.make_config("smoke", None, overrides)).double()
    assert method.config.switch_step == SWITCH
    with torch.no_grad():
        for domain in "ab":
            # They start so narrow that without norms their gradients are as small as Adam's eps.
            for layer in method.get_submodule(f"discriminator_{domain}").modules():
                if isinstance(layer, nn.Conv2d):
                    layer.reset_parameters()
            # Maps are on both sides of the threshold, so that the switch hides a part of each image.
            layer = [layer for layer in method.get_submodule(f"attention_{domain}") if hasattr(layer, "weight")][-1]
            layer.weight.mul_(100)
            layer.bias.sub_(2)
    plain = {short: copy.deepcopy(method.get_submodule(name)) for short, name in SHORT.items()}
    images = torch.rand(STEPS, 2, batch_size, 3, 32, 32, dtype=torch.float64) * 2 - 1
    batches = [
        Batch(*pair, {name: torch.rand(batch_size, 2, dtype=torch.float64) for name in method.draws()}, step)
        for step, pair in enumerate(images)
    ]
    phases = Phases(build_optimizers(method))
    history = []
    for batch in batches:
        train_step(method, phases, batch)
        history.append({term: float(value) for term, value in phases.losses.items()})
    oracle = runpy.run_path(str(Path(__file__).with_name("aggan_oracle.py")))
    training = oracle["Training"](plain, STEPS, LR, SWITCH, POOL)
    expected = [training.step(step, batch.a, batch.b, batch.draws) for step, batch in enumerate(batches)]
    return method, history, plain, expected


@pytest.mark.parametrize(("batch_size", "kernels"), [(1, "published"), (2, "intended")])
def test_six_steps_over_the_switch_equal_a_plain_loop(batch_size: int, kernels: str, deterministic: None) -> None:
    method, history, plain, expected_history = trained_both_ways(batch_size, attention_kernels=kernels)
    with torch.no_grad():
        maps = torch.cat(
            [method.attention(torch.rand(2, 3, 32, 32).double() * 2 - 1, d)["mask"] for d in ("A2B", "B2A")]
        )
    assert 0.05 < (maps < 0.1).double().mean() < 0.95, "the threshold hides nothing, or everything"
    for ours, expected in zip(history, expected_history, strict=True):
        assert list(ours) == list(expected)
        assert ours == pytest.approx(expected, abs=1e-9, rel=0)
    for short, network in plain.items():
        state = method.get_submodule(SHORT[short]).state_dict()
        for key, value in network.state_dict().items():
            # Before an instance norm the gradient of a bias is only rounding, which Adam scales up.
            atol = 1e-7 if key.endswith(".bias") else 1e-9
            torch.testing.assert_close(state[key], value, rtol=0, atol=atol, msg=lambda m, k=key: f"{k}: {m}")
