"""Converts checkpoints of the authors' code (contrastive-unpaired-translation).

That code writes one state dict per network: `<epoch>_net_{G,F,D}.pth`. They contain the blur kernels as fixed
buffers, which are checked and then left out. Only the default networks of that code are read: they blur wherever
they change the resolution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines._epoch_files import Network, networks_of_epoch
from ugbench.method import UsageError
from ugbench.nn.state_dicts import first_keys

NETWORK_NAMES = {"G": "generator", "F": "projection", "D": "discriminator"}
FIRST_BLOCK = 12
# One row of the blur kernels, which are the outer products of such rows.
DOWN, UP = (1.0, 2.0, 1.0), (1.0, 3.0, 3.0, 1.0)
EXPECTED = (
    "a state dict of a blurred ResNet generator with keys such as model.1.weight, model.7.filt and "
    "model.12.conv_block.1.weight, as latest_net_G.pth is, with latest_net_F.pth and latest_net_D.pth or without"
)


def convert_checkpoint(tensors: Mapping[str, Any], revision: str | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict with the names of this package, from the networks that are given.

    Args:
        tensors: state dicts by file name, or the state dict of a generator.
        revision: the epoch to take if there are files of several epochs.
    Raises:
        UsageError: the tensors are not a checkpoint of that code.
    """
    networks = _networks(tensors, revision)
    blocks = len({key.split(".")[1] for key in networks["G"] if ".conv_block." in key})
    if not blocks:
        raise UsageError(
            f"CUT checkpoint: {first_keys(networks['G'])} was found, no residual blocks; expected {EXPECTED}."
        )
    _check_blurs("G", networks["G"], {7: DOWN, 11: DOWN, FIRST_BLOCK + blocks: UP, FIRST_BLOCK + blocks + 4: UP})
    if "D" in networks:
        _check_blurs("D", networks["D"], {2: DOWN, 6: DOWN, 10: DOWN})
    state = {
        f"{NETWORK_NAMES[name]}.{_renamed(key, network)}": tensor
        for name, network in networks.items()
        for key, tensor in network.items()
        if not key.endswith(".filt")
    }
    widths = {
        "channels": "generator.1.weight",
        "discriminator_channels": "discriminator.0.weight",
        "projection_channels": "projection.0.0.weight",
    }
    return {"blocks": blocks} | {field: len(state[key]) for field, key in widths.items() if key in state}, state


def _networks(tensors: Mapping[str, Any], revision: str | None) -> dict[str, Network]:
    """The state dicts of one epoch by the public names of the networks, G among them."""
    networks = networks_of_epoch(tensors, "[GFD]", revision, "CUT")
    values = [value for network in networks.values() for value in network.values()]
    if "G" not in networks or not all(isinstance(value, Tensor) for value in values):
        of_epoch = f" of epoch {revision}" if revision is not None else ""
        raise UsageError(f"CUT checkpoint: {first_keys(tensors)} was found; expected {EXPECTED}{of_epoch}.")
    return networks


def _check_blurs(name: str, network: Network, rows: Mapping[int, tuple[float, ...]]) -> None:
    """Check that a network has the blurs that CUT has here.

    Args:
        rows: one row of the kernel of each blur, by the position of its layer.
    Raises:
        UsageError: a blur is missing, unknown or different.
    """
    buffers = {key: tensor for key, tensor in network.items() if key.endswith(".filt")}
    expected = {f"model.{position}.filt": torch.tensor(row) for position, row in rows.items()}
    if buffers.keys() != expected.keys():
        raise UsageError(
            f"CUT checkpoint: the blurs of {name} are {first_keys(buffers)}, expected {', '.join(expected)}: only the "
            "public code's default networks are read; a generator without blurs is read by --as cyclegan."
        )
    for key, row in expected.items():
        kernel = row[:, None] * row
        # The authors' code stores an upsampling kernel times 4, as three of four pixels that it is applied to are 0.
        kernel = kernel / kernel.sum() * (4 if len(row) == 4 else 1)
        if buffers[key].shape[1:] != (1, *kernel.shape) or not torch.allclose(buffers[key].float(), kernel):
            raise UsageError(f"CUT checkpoint: {key} of {name} is no blur by {list(map(int, row))}; expected that.")


def _renamed(public_key: str, network: Network) -> str:
    """The key in this package for a public key: the layers have the same numbers.

    Raises:
        UsageError: the key is unknown.
    """
    if match := re.fullmatch(r"model\.(\d+)\.(weight|bias)|mlp_(\d+)\.([02]\.(?:weight|bias))", public_key):
        layer, name, mlp, mlp_name = match.groups()
        return f"{layer}.{name}" if mlp is None else f"{mlp}.{mlp_name}"
    if match := re.fullmatch(r"model\.(\d+)\.conv_block\.([156])\.(weight|bias)", public_key):
        # The second convolution of a block is number 6, not 5, in networks that were trained with dropout.
        return f"{match[1]}.layers.{min(int(match[2]), 5)}.{match[3]}"
    raise UsageError(
        f"CUT checkpoint: the key {public_key} is unknown, among {first_keys(network)}; expected {EXPECTED}."
    )
