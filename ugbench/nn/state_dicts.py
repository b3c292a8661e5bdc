"""Checks of state dicts: their keys and shapes, and whether all values are finite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import torch
from torch import Tensor, nn

from ugbench.errors import UsageError


def check_shapes(
    state: Mapping[str, Tensor], build: Callable[[], nn.Module], message: str, networks: Collection[str] | None = None
) -> None:
    """Check that a state dict has the keys and shapes that a module expects.

    Args:
        state: tensors by key; the part of a key before its first dot is the name of the network.
        build: makes the module that should load the state. It is called on the meta device.
        message: of the error, with {key}, and with {given} and {expected} for the shapes in `state` and in the module
            ("nothing" where there is no such tensor).
        networks: the networks that must be complete. None: those that `state` has tensors of.
    Raises:
        UsageError: a key is missing, unknown or has another shape; of several the first in alphabetical order.
    """
    if networks is None:
        networks = {key.split(".")[0] for key in state}
    with torch.device("meta"):
        expected = {key: tensor for key, tensor in build().state_dict().items() if key.split(".")[0] in networks}
    for key in sorted(state.keys() | expected.keys()):
        shapes = [str(tuple(tensors[key].shape)) if key in tensors else "nothing" for tensors in (state, expected)]
        if shapes[0] != shapes[1]:
            raise UsageError(message.format(key=key, given=shapes[0], expected=shapes[1]))


def first_keys(keys: Iterable[str], count: int = 4) -> str:
    """The first `count` keys and how many more there are, for an error message; "nothing" if there are none."""
    names = [str(key) for key in keys]
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return (", ".join(names[:count]) + more) or "nothing"


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The first tensor with a value that is NaN or infinite, in words ("NAME has 3 of 48 values …"); None if all are
    finite."""
    for name, tensor in tensors.items():
        if tensor.is_meta or not tensor.is_floating_point():
            continue
        count = tensor.numel() - int(torch.isfinite(tensor).sum())
        if count:
            return f"{name} has {count:,} of {tensor.numel():,} values that are NaN or infinite"
    return None
