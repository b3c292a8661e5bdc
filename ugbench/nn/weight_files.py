"""Files with the weights of networks: how they are read, whether they fit a network, and the digest of what they hold.

Only tensors are accepted; no code in a file is run, and nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ugbench.errors import WeightsError
from ugbench.nn.state_dicts import first_not_finite, first_odd_tensor

ALONE = "of a network of your own, save its `state_dict()` alone"
"""What to do about a file that holds more than the tensors of a network, or the network itself."""

BATCH_COUNT = "num_batches_tracked"
"""A tensor of batch normalisation that older files lack; only training reads it."""


def given(name: str, path: Path) -> str:
    """The option that named a file, as messages name it: `--weights vgg=FILE`."""
    return f"--weights {name}={path}"


def read_weight_file(name: str, path: Path, takes: str) -> dict[str, Tensor]:
    """The tensors of the file that was given by `--weights NAME=FILE`, on the CPU.

    Args:
        takes: what the option takes, for messages.
    Raises:
        WeightsError: the file does not exist, or it is not a plain dictionary of tensors.
    """
    option = given(name, path)
    if not path.is_file():
        raise WeightsError(f"{option}: there is no such file; give {takes}.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of sparse tensors, which `_check_values` refuses
                state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        # Damage and refused code raise many types of error, and torch's message suggests to disable the check.
        raise WeightsError(
            f"{option} is refused: it is damaged or holds more than tensors, which could run code; it takes {takes}; "
            f"{ALONE}."
        ) from None
    plain = isinstance(state, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    )
    if not plain or not state:
        raise WeightsError(f"{option} is no dictionary of tensors; it takes {takes}; {ALONE}.")
    return dict(state)


def fill(network: nn.Module, state: Mapping[str, Tensor], option: str) -> str:
    """Load `state` into `network`, freeze it for inference, and return the digest of its weights.

    Args:
        option: that named the file, for messages (`--weights alexnet=FILE`).
    Raises:
        WeightsError: keys or shapes do not fit, or a value is NaN or infinite.
    """
    expected = network.state_dict()
    shapes, lacking = _misfits(expected, state)
    unknown = [f"it has the unknown key {key}" for key in sorted(state.keys() - expected.keys())]
    if misfits := [*shapes, *lacking, *unknown]:
        raise _another_network(option, misfits[0])
    _check_values(state, option)
    network.load_state_dict(dict(state))
    network.requires_grad_(False).eval()
    return digest(network.state_dict())


def features_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The `features` part of a torchvision state dict, or the dict if it is only that part; keys as `0.weight`."""
    prefix = "features."
    if any(key.startswith(prefix) for key in state):
        return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return dict(state)


def part_for(network: nn.Module, state: Mapping[str, Tensor], option: str) -> dict[str, Tensor]:
    """The tensors of a network in a file that may hold more, by their names in the network and in its float types.

    In the file all names may have one common prefix, such as "features." or "module.". Counts of batches, which batch
    normalisation reads only in training, are set to 0.

    Args:
        network: may be on the meta device.
        option: that named the file, for messages (`--weights vgg=FILE`).
    Raises:
        WeightsError: a key is missing or has another shape under every prefix, the file holds the network under several
            prefixes, or a value is NaN or infinite.
    """
    complete = network.state_dict()
    expected = {key: tensor for key, tensor in complete.items() if not key.endswith(BATCH_COUNT)}
    misfits = {prefix: _misfits(expected, state, prefix) for prefix in _prefixes(expected, state)}
    fitting = [prefix for prefix, found in misfits.items() if not any(found)]
    if not fitting:
        shapes, lacking = min(misfits.values(), key=lambda found: (len(found[0]) + len(found[1]), len(found[1])))
        raise _another_network(option, [*shapes, *lacking][0])
    if len(fitting) > 1 and "" not in fitting:
        raise WeightsError(
            f"{option} holds this network {len(fitting)} times, under {' and '.join(sorted(fitting))}; give a file "
            "with one of them."
        )
    prefix = "" if "" in fitting else fitting[0]
    part = {key: state[prefix + key] for key in expected}
    _check_values(part, option)
    counts = {key: torch.zeros(t.shape, dtype=t.dtype) for key, t in complete.items() if key not in expected}
    return {key: tensor.to(expected[key].dtype) for key, tensor in part.items()} | counts


def digest(state: Mapping[str, Tensor]) -> str:
    """sha256 of a state's names, dtypes, shapes and bytes, sorted by name.

    It is not the sha256 of the file, because files of equal states differ (archive names, order, metadata).
    """
    total = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        total.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode() + b"\n")
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _prefixes(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """What stands before a name of the network in the keys of a file: "" first, then parts that end with a dot."""
    prefixes = {"": None}
    for key in state:
        parts = key.split(".")
        for index in range(1, len(parts)):
            if ".".join(parts[index:]) in expected:
                prefixes[".".join(parts[:index]) + "."] = None
    return list(prefixes)


def _misfits(
    expected: Mapping[str, Tensor], state: Mapping[str, Tensor], prefix: str = ""
) -> tuple[list[str], list[str]]:
    """A clause for each tensor of a network that has another shape in a file, and for each that the file lacks."""
    lacking = [f"it lacks {prefix}{key}" for key in sorted(expected) if prefix + key not in state]
    shapes = [
        f"{prefix}{key} is {tuple(state[prefix + key].shape)} and should be {tuple(expected[key].shape)}"
        for key in sorted(expected)
        if prefix + key in state and state[prefix + key].shape != expected[key].shape
    ]
    return shapes, lacking


def _another_network(option: str, misfit: str) -> WeightsError:
    return WeightsError(f"{option} holds another network: {misfit}; give the file of this one.")


def _check_values(state: Mapping[str, Tensor], option: str) -> None:
    """Raise WeightsError with the first tensor that has no plain numbers, or that is not finite."""
    if fault := first_odd_tensor(state) or first_not_finite(state):
        raise WeightsError(f"{option}: {fault}; give another file.")
