"""CartoonGAN's steps equal a plain reference step, over the end of the initialisation phase."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.cartoongan import CartoonGAN
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

STEPS, INIT_STEPS, CAPACITY = 9, 3, 2
# Of the steps after the first three: the first two fill the pool, then a batch is exchanged, kept, and exchanged.
COINS = (0.9, 0.9, 0.9, 0.9, 0.1, 0.7, 0.2, 0.9, 0.6)
PLACES = (0.0, 0.9, 0.9, 0.9, 0.1, 0.7, 0.2, 0.1, 0.99)
CAFFE: dict[str, Any] = {"content_input": "caffe"}
WITH_BIASES: dict[str, Any] = {"biases": True}


class Content(nn.Module):
    """Features of images in [-1, 1], of a network that takes what torchvision's files take, or those of Caffe."""

    def __init__(self, network: nn.Sequential, side: int, is_caffe: bool) -> None:
        super().__init__()
        self.network, self.side, self.is_caffe = network, side, is_caffe

    def forward(self, images: Tensor) -> Tensor:
        images = F.interpolate(images, (self.side, self.side), mode="bilinear", align_corners=True)
        images = (images + 1) / 2
        if self.is_caffe:
            images = images.flip(1) * 255 - self.channels(images, 103.939, 116.779, 123.68)
        else:
            images = images - self.channels(images, 0.485, 0.456, 0.406)
            images = images / self.channels(images, 0.229, 0.224, 0.225)
        features: Tensor = self.network(images)
        return features

    def channels(self, images: Tensor, *values: float) -> Tensor:
        return torch.tensor(values, dtype=images.dtype).view(1, 3, 1, 1)


@pytest.mark.parametrize(("batch_size", "fields"), [(1, {}), (2, {}), (2, CAFFE), (2, WITH_BIASES)])
def test_nine_steps_of_the_engine_equal_a_plain_loop(
    batch_size: int, fields: dict[str, Any], deterministic: None
) -> None:
    small = {"size": 32, "batch_size": batch_size, "channels": 3, "discriminator_channels": 2, "blocks": 1}
    content = {"random_channels": 2, "content_size": 24, "content_weight": 10.0}
    # Rates that float32 holds exactly, as are their ratio and its halves.
    rates = {"init_lr": 2.0**-9, "lr": 2.0**-11, "steps": STEPS, "init_steps": INIT_STEPS, "pool_size": CAPACITY}
    method = CartoonGAN(CartoonGAN.make_config("smoke", None, {**small, **content, **rates, **fields})).double()
    plain = {name: copy.deepcopy(getattr(method, name)) for name in ("generator", "discriminator")}
    images = torch.rand(STEPS, 3, batch_size, 3, 32, 32, dtype=torch.float64) * 2 - 1
    batches = [
        Batch(a, b, {"pool": torch.tensor(pool, dtype=torch.float64)}, step, {"edgesB": edges})
        for step, ((a, b, edges), *pool) in enumerate(zip(images, COINS, PLACES, strict=True))
    ]

    phases = Phases(build_optimizers(method))
    history = []
    for batch in batches:
        train_step(method, phases, batch)
        history.append({term: float(value) for term, value in phases.losses.items()})

    oracle = runpy.run_path(str(Path(__file__).with_name("cartoongan_oracle.py")))
    expected_history = oracle["train"](
        {**plain, "content": Content(copy.deepcopy(method.random_network), 24, fields == CAFFE)},
        [(tuple(parts), (coin, place)) for parts, coin, place in zip(images, COINS, PLACES, strict=True)],
        steps=STEPS,
        init_steps=INIT_STEPS,
        init_lr=2.0**-9,
        lr=2.0**-11,
        capacity=CAPACITY,
    )
    assert len(history) == len(expected_history) == STEPS
    for ours, expected in zip(history, expected_history, strict=True):
        assert ours == pytest.approx(expected, abs=1e-9, rel=1e-12)
    for name, network in plain.items():
        state = getattr(method, name).state_dict()
        for key, value in network.state_dict().items():
            # The gradient of a convolution's bias before an instance norm is rounding alone, which Adam enlarges.
            is_bias = key.endswith(".bias") and state[key.removesuffix("bias") + "weight"].ndim == 4
            atol = 1e-7 if is_bias else 1e-9
            torch.testing.assert_close(state[key], value, rtol=0, atol=atol, msg=lambda m, k=key: f"{k}: {m}")
