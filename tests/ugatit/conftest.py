"""Fixtures: small U-GAT-ITs in float64, the training engine for them, and a plain reference training."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ugatit.method import UGATIT
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

TINY = {
    "size": 32,
    "channels": 4,
    "blocks": 2,
    "discriminator_channels": 4,
    "batch_size": 2,
    "steps": 8,
    "lr": 1e-3,
    "init": "default",
}


class Engine:
    """The engine's optimisers and phases around a method in float64, without a loop."""

    def __init__(self, method: UGATIT) -> None:
        self.method = method
        self.optimizers = build_optimizers(method)
        self.phases = Phases(self.optimizers)

    def step(self, a: Tensor, b: Tensor, step: int) -> dict[str, float]:
        train_step(self.method, self.phases, Batch(a, b, {}, step))
        return {name: float(value) for name, value in self.phases.losses.items()}


@pytest.fixture
def engine() -> Callable[[UGATIT], Engine]:
    """engine(method).step(a, b, step) trains one step and gives its losses."""
    return Engine


@pytest.fixture(scope="session")
def oracle() -> Callable[..., Any]:
    """The oracle's class."""
    return runpy.run_path(str(Path(__file__).with_name("oracle.py")))["Oracle"]


@pytest.fixture
def tiny() -> Callable[..., UGATIT]:
    """tiny(variant, **fields) -> a small U-GAT-IT in float64 with rho spread over [0, 1]."""

    def make(variant: str | None = None, **fields: Any) -> UGATIT:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            method = UGATIT(UGATIT.make_config("paper", variant, {**TINY, **fields})).double()
            for name, parameter in method.named_parameters():
                if name.endswith((".rho", ".gamma", ".beta")):
                    parameter.data = (torch.rand_like(parameter) * 1.2 - 0.1).clamp(0, 1)
        return method

    return make


@pytest.fixture
def images() -> Callable[..., tuple[Tensor, Tensor]]:
    """images(step, n, size) -> a batch of noise for each domain, in float64."""

    def make(step: int = 0, n: int = 2, size: int = 32) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(step)
        a, b = torch.rand((2, n, 3, size, size), generator=random, dtype=torch.float64) * 2 - 1
        return a, b

    return make
