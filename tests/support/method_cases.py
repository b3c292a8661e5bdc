"""The registered methods, those of other packages, and their variants as cases of the contract tests; tiny configs."""

from __future__ import annotations

from typing import Any

import pytest
import third_party
import torch

from ugbench import registry
from ugbench.method import Method

CPU = torch.device("cpu")
SIZE = 32
STEPS = 4
SMALL = {"channels": 4, "discriminator_channels": 4, "blocks": 1}  # where a config has these fields

VARIANTS = {name: tuple(registry.load_method(name).VARIANTS) for name in registry.modules("methods")}
VARIANTS |= third_party.VARIANTS
METHODS = list(VARIANTS)
CASES = [(name, variant) for name in METHODS for variant in (None, *VARIANTS[name])]
each_method = pytest.mark.parametrize("name", METHODS)
PARAMS = [pytest.param(name, variant, id=f"{name}-{variant}" if variant else name) for name, variant in CASES]
each_case = pytest.mark.parametrize(("name", "variant"), PARAMS)
each_variant = pytest.mark.parametrize(("name", "variant"), [p for p in PARAMS if p.values[1] is not None])


def fields_of(name: str, **fields: Any) -> dict[str, Any]:
    """`fields` and SMALL, less what the method's config lacks."""
    known = registry.load_method(name).Config.model_fields
    overrides = {"size": SIZE, "batch_size": 2, "steps": STEPS, **SMALL, **fields}
    return {key: value for key, value in overrides.items() if key in known}


def build(name: str, variant: str | None, **fields: Any) -> Method:
    """A method with random weights; those of its frozen networks are the same for every call."""
    cls = registry.load_method(name)
    method = cls(cls.make_config("smoke", variant, fields_of(name, **fields)))
    random = torch.Generator().manual_seed(0)
    for tensor in method.frozen_state().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=random))
    return method
