"""A MUNIT that is trained in milliseconds, random batches for it, and a step of its training."""

from __future__ import annotations

from typing import Any

import torch

from baselines.munit import MUNIT
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

PARTS = ("content_encoder", "style_encoder", "decoder")
CODERS = tuple(f"{part}_{x}" for x in "ab" for part in PARTS)


def tiny(**fields: Any) -> MUNIT:
    small = {"size": 32, "channels": 4, "discriminator_channels": 4, "blocks": 1, "mlp_width": 8, "steps": 10}
    return MUNIT(MUNIT.make_config("smoke", None, {**small, **fields}))


def batch_for(method: MUNIT, n: int = 2, dtype: torch.dtype = torch.float32) -> Batch:
    a, b = (torch.rand(n, 3, *method.config.image_shape, dtype=dtype) * 2 - 1 for _ in "ab")
    draws = {name: torch.randn(n, *draw.shape, dtype=dtype) for name, draw in method.draws().items()}
    return Batch(a, b, draws)


def stepped(method: MUNIT, batch: Batch) -> dict[str, float]:
    phases = Phases(build_optimizers(method))
    method.step(batch, phases)
    return {term: float(value) for term, value in phases.losses.items()}
