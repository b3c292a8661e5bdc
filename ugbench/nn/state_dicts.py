"""Checks of state dicts that were converted from a public checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import torch
from torch import Tensor, nn


def shape_mismatch(
    state: Mapping[str, Tensor], build: Callable[[], nn.Module], networks: Collection[str] | None = None
) -> tuple[str, str, str] | None:
    """The first key, in alphabetical order, that is missing, unknown or has another shape than the module expects.

    Args:
        state: tensors by key; the part of a key before its first dot is the name of the network.
        build: makes the module that should load the state. It is called on the meta device.
        networks: the networks that must be complete. None: those that `state` has tensors of.
    Returns:
        The key, its shape in `state` and the expected shape, each as text ("nothing" where there is no such tensor);
        None if all fit.
    """
    if networks is None:
        networks = {key.split(".")[0] for key in state}
    with torch.device("meta"):
        expected = {key: tensor for key, tensor in build().state_dict().items() if key.split(".")[0] in networks}
    for key in sorted(state.keys() | expected.keys()):
        given_shape, expected_shape = (_shape(tensors.get(key)) for tensors in (state, expected))
        if given_shape != expected_shape:
            return key, given_shape, expected_shape
    return None


def first_keys(keys: Iterable[str], count: int = 4) -> str:
    """The first `count` keys and how many more there are, for an error message; "nothing" if there are none."""
    names = [str(key) for key in keys]
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return (", ".join(names[:count]) + more) or "nothing"


def _shape(tensor: Tensor | None) -> str:
    return "nothing" if tensor is None else str(tuple(tensor.shape))
