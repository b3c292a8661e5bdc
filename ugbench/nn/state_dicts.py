"""State dicts of other codes: where in a file they are, their keys and shapes, and whether all values are finite."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ugbench.errors import UsageError

# Names under which training codes store one network, or several by name, beside optimizers and counters.
WRAPPERS = frozenset(
    (
        *("state_dict", "model_state_dict", "model_state", "state", "model", "models", "checkpoint"),
        *("module", "net", "nets", "network", "networks", "weights", "params", "parameters"),
        *("generator", "generators", "generator_state_dict", "gen", "net_g", "netg", "g_state_dict"),
    )
)
# Names of networks that only training needs: discriminators, and projections of features.
TRAINING_ONLY = re.compile(r"(net_?)?(d(is(c(riminators?)?)?)?|f|projection)(_[ab])?(_state_dict)?")
# Names of encoders: a "gen" beside them is one of several networks that translate together.
ENCODER = re.compile(r"enc_\w+")
# What nn.DataParallel and torch.compile put before each key.
PREFIXES = ("module.", "_orig_mod.")


def unwrapped(content: Mapping[str, Any], where: str = "the checkpoint") -> dict[str, Any]:
    """The networks of a checkpoint without the dictionaries around them, and the prefixes of keys.

    A dictionary under one of the names in WRAPPERS takes the place of the dictionary that holds it. Networks beside it
    that only training needs (TRAINING_ONLY) are ignored; any other network beside it is an error. If an encoder
    (ENCODER) lies beside it, it is one of several networks, and nothing is left out.

    Args:
        content: a state dict, state dicts by name, or either of them in dictionaries that hold other things too.
        where: the file, for the error message.
    Returns:
        A state dict, or what `content` held by name, with a state dict for each network.
    Raises:
        UsageError: several dictionaries could be meant; the message lists their names.
    """
    if _is_network(content):
        return _without_prefixes(content)
    parts = [name for name, value in content.items() if _holds_networks(value)]
    has_encoder = any(ENCODER.fullmatch(name.lower()) for name in parts)
    wrappers = [] if has_encoder else [name for name in parts if name.lower() in WRAPPERS]
    if not wrappers:
        return {name: unwrapped(value, where) if name in parts else value for name, value in content.items()}
    candidates = [name for name in parts if name in wrappers or not TRAINING_ONLY.fullmatch(name.lower())]
    if len(candidates) > 1:
        raise UsageError(
            f"{where} holds several state dicts ({', '.join(candidates)}), and only one can be read; save that one in "
            "a file of its own."
        )
    return unwrapped(content[wrappers[0]], where)


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


def refuse_revision(revision: str | None, where: str) -> None:
    """Raise UsageError if a revision is given to the import of checkpoints that all have one forward pass.

    Args:
        where: what an error calls the checkpoint.
    """
    if revision is not None:
        raise UsageError(f"{where}: --revision {revision} was given; there is one, leave it out.")


def first_keys(keys: Iterable[str], count: int = 4) -> str:
    """The first `count` keys and how many more there are, for an error message; "nothing" if there are none."""
    names = [str(key) for key in keys]
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return (", ".join(names[:count]) + more) or "nothing"


def _is_network(value: Any) -> bool:
    """True for a state dict that is not empty."""
    is_dict = isinstance(value, Mapping) and bool(value)
    return is_dict and all(isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in value.items())


def _holds_networks(value: Any) -> bool:
    """True for a state dict, or a dictionary that holds one at any depth. An optimizer's state has numbers as keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        return False
    return _is_network(value) or any(_holds_networks(part) for part in value.values())


def _without_prefixes(network: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state = {}
    for key, tensor in network.items():
        plain_key = key
        while prefix := next((prefix for prefix in PREFIXES if plain_key.startswith(prefix)), None):
            plain_key = plain_key.removeprefix(prefix)
        state[plain_key] = tensor
    # No known network has two keys that differ only in the prefix, so the keys are kept, and refused later.
    return state if len(state) == len(network) else dict(network)


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


def first_odd_tensor(tensors: Mapping[Any, Any]) -> str | None:
    """The first tensor that no layer of a network has, in words; None if there is none.

    Such a tensor is sparse, complex, quantized, empty, on the meta device, or a weight or bias without dimensions.
    """
    for key, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            continue
        is_scalar = tensor.dim() == 0 and str(key).endswith((".weight", ".bias", ".weight_orig"))
        is_real = not tensor.is_complex() and not tensor.is_quantized
        is_plain = tensor.layout == torch.strided and is_real and not tensor.is_meta
        if not is_plain or tensor.numel() == 0 or is_scalar:
            kind = f"{tensor.dtype}, {tensor.layout}, shape {tuple(tensor.shape)}".replace("torch.", "")
            return f"{key} is no plain tensor of real numbers ({kind})"
    return None
