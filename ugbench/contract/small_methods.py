"""Methods that are small enough to be checked in seconds, and random batches for them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ugbench import registry
from ugbench.contract.check import NotApplicable
from ugbench.errors import ConfigError
from ugbench.method import Batch, Method
from ugbench.training.method_check import check_method
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

CPU = torch.device("cpu")
SIZE = 32
STEPS = 4
NARROW = {"channels": 4, "discriminator_channels": 4, "blocks": 1}
"""Values of config fields that many methods have; a method that cannot have them keeps those of its preset."""


def small_fields(name: str, **fields: Any) -> dict[str, Any]:
    """Config fields of a small training of a method: `fields`, size, batch size and steps, and those of NARROW.

    Fields that the method's config does not have are left out.
    """
    method = registry.load_method(name)
    known = method.Config.model_fields
    narrow = {key: value for key, value in NARROW.items() if key in known}
    if narrow and not _can_be(method, name, tuple(narrow.items())):
        narrow = {}
    overrides = {"size": SIZE, "batch_size": 2, "steps": STEPS, **narrow, **fields}
    return {key: value for key, value in overrides.items() if key in known}


@lru_cache(maxsize=64)
def _can_be(method: type[Method], name: str, fields: tuple[tuple[str, Any], ...]) -> bool:
    overrides = {"size": SIZE, "batch_size": 2, "steps": STEPS, **dict(fields)}
    try:
        check_method(name, method.make_config("smoke", None, overrides))
    except Exception:  # of any type: a method that fails without these fields too is reported by its own check
        return False
    return True


def build(name: str, variant: str | None, **fields: Any) -> Method:
    """A small method with random weights; those of its frozen networks are the same for every call.

    Raises:
        NotApplicable: the variant cannot have this batch size.
    """
    method_class = registry.load_method(name)
    try:
        config = method_class.make_config("smoke", variant, small_fields(name, **fields))
    except ConfigError as refused:
        if "batch_size" in str(refused) and "batch_size" in fields:
            raise NotApplicable(f"the variant refuses this batch size ({str(refused).rstrip('.')})") from None
        raise
    method = method_class(config)
    random = torch.Generator().manual_seed(0)
    for tensor in method.frozen_state().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=random))
    return method


def random_batch(method: Method, n: int = 2, dtype: torch.dtype = torch.float32, step: int = 0) -> Batch:
    """A batch of n random images of each domain and split, with the draws of the method."""
    shape = method.config.image_shape
    a, b = (torch.rand(n, 3, *shape, dtype=dtype) * 2 - 1 for _ in "ab")
    draws = {}
    for name, draw in method.draws().items():
        draws[name] = (torch.rand if draw.kind == "uniform" else torch.randn)(draw.shape_for(n), dtype=dtype)
    extra = {split: torch.rand(n, 3, *shape, dtype=dtype) * 2 - 1 for split in method.splits}
    return Batch(a, b, draws, step, extra)


def random_style(method: Method, n: int, dtype: torch.dtype = torch.float32) -> Tensor | None:
    """Styles (n, style_dim); None for a method without styles."""
    return torch.randn(n, method.style_dim, dtype=dtype) if method.style_dim else None


def phases_of(method: Method) -> Phases:
    """The phases of a training of the method, with new optimizers."""
    return Phases(build_optimizers(method), method.period)


def train_period(method: Method, phases: Phases, n: int = 2, dtype: torch.dtype = torch.float32) -> None:
    """Train the steps of one period on random batches of n."""
    for step in range(method.period):
        train_step(method, phases, random_batch(method, n, dtype, step))
