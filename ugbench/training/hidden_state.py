"""Finds what a training step changes without a checkpoint knowing: attributes, and generators of random numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

DEPTH = 4  # of containers within containers

Snapshot = Mapping[str, object]


def snapshot(method: nn.Module) -> Snapshot:
    """The values of everything that a step may change unseen, by name, in a form that can be compared.

    That is each attribute of a module that is no module, parameter or persistent buffer, and the states of the
    generators of Python and NumPy.
    """
    internal = vars(nn.Module()).keys()
    values: dict[str, object] = {}
    for path, module in method.named_modules():
        prefix = f"{path}." if path else ""
        attributes = {key: value for key, value in vars(module).items() if key not in internal}
        passing = {key: module._buffers[key] for key in module._non_persistent_buffers_set}
        values |= {f"the attribute {prefix}{key}": _fingerprint(value) for key, value in attributes.items()}
        values |= {f"the buffer {prefix}{key}": _fingerprint(value) for key, value in passing.items()}
    values["Python's generator of random numbers"] = random.getstate()
    values["NumPy's generator of random numbers"] = _numbers(np.random.get_state())
    return values


def first_change(before: Snapshot, after: Snapshot) -> str | None:
    """The name of the first value that differs; None if none does."""
    return next((name for name in {**after, **before} if before.get(name) != after.get(name)), None)


def _fingerprint(value: Any, depth: int = DEPTH) -> object:
    if isinstance(value, int | float | str | bytes | None):
        return type(value), value
    if isinstance(value, Tensor):
        return "tensor", id(value), value._version
    if depth and isinstance(value, Mapping):
        return "mapping", tuple((str(key), _fingerprint(item, depth - 1)) for key, item in value.items())
    if depth and isinstance(value, list | tuple):
        return "sequence", tuple(_fingerprint(item, depth - 1) for item in value)
    return "object", id(value)


def _numbers(state: Any) -> tuple[object, ...]:
    return tuple(part.tobytes() if isinstance(part, np.ndarray) else part for part in state)
