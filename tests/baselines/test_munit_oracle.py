"""MUNIT's steps equal a plain reference step."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path

import pytest
import torch

from baselines.munit import MUNIT
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

SHORT_NAMES = {"content": "content_encoder", "style": "style_encoder", "dec": "decoder", "dis": "discriminator"}
NETWORKS = {f"{short}_{x}": f"{name}_{x}" for short, name in SHORT_NAMES.items() for x in "ab"}


@pytest.mark.parametrize(("batch_size", "cycle_weight"), [(1, 0.0), (2, 0.0), (2, 10.0)])
def test_six_steps_of_the_engine_equal_a_plain_loop(batch_size, cycle_weight, deterministic):
    # A rate that float32 holds exactly after each halving.
    steps, lr, halve_every = 6, 2.0**-10, 2
    small = {"size": 64, "channels": 2, "discriminator_channels": 2, "blocks": 1, "mlp_width": 8, "scales": 3}
    rates = {"lr": lr, "halve_every": halve_every, "cycle_weight": cycle_weight}
    method = MUNIT(MUNIT.make_config("smoke", None, {**small, **rates})).double()
    plain = {short: copy.deepcopy(getattr(method, name)) for short, name in NETWORKS.items()}
    side = method.config.size
    images = torch.rand(steps, 2, batch_size, 3, side, side, dtype=torch.float64) * 2 - 1
    batches = [
        Batch(
            *pair,
            {n: torch.randn(batch_size, *d.shape, dtype=torch.float64) for n, d in method.draws().items()},
            step,
        )
        for step, pair in enumerate(images)
    ]

    phases = Phases(build_optimizers(method))
    history = []
    for batch in batches:
        train_step(method, phases, batch)
        history.append({term: float(value) for term, value in phases.losses.items()})

    oracle = runpy.run_path(str(Path(__file__).with_name("munit_oracle.py")))
    plain_batches = [(batch.a, batch.b, batch.draws) for batch in batches]
    expected_history = oracle["train"](plain, plain_batches, lr=lr, halve_every=halve_every, cycle_weight=cycle_weight)
    for ours, expected in zip(history, expected_history, strict=True):
        assert ours == pytest.approx(expected, abs=1e-9, rel=0)
    for short, network in plain.items():
        state = getattr(method, NETWORKS[short]).state_dict()
        for key, value in network.state_dict().items():
            # A bias before an instance norm has no effect: its gradient is rounding, which Adam makes a move of.
            atol = 1e-7 if key.endswith("bias") else 1e-9
            torch.testing.assert_close(state[key], value, rtol=0, atol=atol, msg=lambda m, k=key: f"{k}: {m}")
