"""Reads checkpoints of the authors' code (contrastive-unpaired-translation).

That code writes a state dict a network: `<epoch>_net_{G,F,D}.pth`. Blurs are in them as fixed buffers, which are
checked and left out. Only that code's default networks are read, those with blurs both down and up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines._cyclegan_checkpoints import some
from ugbench.method import UsageError

OWN_NAMES = {"G": "generator", "F": "projection", "D": "discriminator"}
FIRST_BLOCK = 12
# Along a line.
DOWN, UP = (1.0, 2.0, 1.0), (1.0, 3.0, 3.0, 1.0)
EXPECTED = (
    "a state dict of a blurred ResNet generator with keys such as model.1.weight, model.7.filt and "
    "model.12.conv_block.1.weight, as latest_net_G.pth is, with latest_net_F.pth and latest_net_D.pth or without"
)

Network = Mapping[str, Tensor]


def read_public(tensors: Mapping[str, Any], revision: str | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields and a state dict, in our names, of the networks that are given.

    Args:
        tensors: state dicts by file name, or the state dict of a generator.
        revision: the epoch to take where files of several are given.
    Raises:
        UsageError: the tensors are of another kind; names what was found and what was expected.
    """
    networks = {
        name: {key.removeprefix("module."): tensor for key, tensor in network.items()}
        for name, network in _networks(tensors, revision).items()
    }
    blocks = len({key.split(".")[1] for key in networks["G"] if ".conv_block." in key})
    if not blocks:
        raise UsageError(f"CUT checkpoint: {some(networks['G'])} was found, no residual blocks; expected {EXPECTED}.")
    _check_blurs("G", networks["G"], {7: DOWN, 11: DOWN, FIRST_BLOCK + blocks: UP, FIRST_BLOCK + blocks + 4: UP})
    if "D" in networks:
        _check_blurs("D", networks["D"], {2: DOWN, 6: DOWN, 10: DOWN})
    state = {
        f"{OWN_NAMES[name]}.{_own_key(key, network)}": tensor
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
    """The state dicts of one epoch by the public networks' names; G is among them."""
    files = {name: value for name, value in tensors.items() if isinstance(value, Mapping)}
    if not files and tensors and all(isinstance(value, Tensor) for value in tensors.values()):
        files = {"G": tensors}
    epochs: dict[str, dict[str, Network]] = {}
    for name, value in files.items():
        if found := re.fullmatch(r"(?:(.+)_net_)?([GFD])(?:\.pth)?", name):
            epochs.setdefault(found[1] or "", {})[found[2]] = value
    if not epochs and len(files) == len(tensors) == 1:  # one file of any name
        epochs = {"": {"G": next(iter(files.values()))}}
    if revision is not None:
        epochs = {epoch: networks for epoch, networks in epochs.items() if epoch == revision}
    if len(epochs) > 1:
        raise UsageError(f"CUT checkpoint: epochs {', '.join(sorted(epochs))} were found; pick one with --revision.")
    networks = next(iter(epochs.values()), {})
    if "G" not in networks or not all(isinstance(x, Tensor) for network in networks.values() for x in network.values()):
        of_epoch = f" of epoch {revision}" if revision is not None else ""
        raise UsageError(f"CUT checkpoint: {some(tensors)} was found; expected {EXPECTED}{of_epoch}.")
    return networks


def _check_blurs(name: str, network: Network, blurs: Mapping[int, tuple[float, ...]]) -> None:
    """Raises UsageError where a network's blurs are not those that ours have."""
    found = {key: tensor for key, tensor in network.items() if key.endswith(".filt")}
    wanted = {f"model.{place}.filt": torch.tensor(line) for place, line in blurs.items()}
    if found.keys() != wanted.keys():
        raise UsageError(
            f"CUT checkpoint: the blurs of {name} are {some(found)}, expected {', '.join(wanted)}: only the public "
            "code's default networks are read; a generator without blurs is read by --as cyclegan."
        )
    for key, line in wanted.items():
        kernel = line[:, None] * line
        # That code stores the kernel that doubles times 4: its zeros between pixels take three quarters away.
        kernel = kernel / kernel.sum() * (4 if len(line) == 4 else 1)
        if found[key].shape[1:] != (1, *kernel.shape) or not torch.allclose(found[key].float(), kernel):
            raise UsageError(f"CUT checkpoint: {key} of {name} is no blur by {list(map(int, line))}; expected that.")


def _own_key(key: str, network: Network) -> str:
    """A public key by ours, which differ in the names around the same layer numbers.

    Raises:
        UsageError: no such key is known.
    """
    if found := re.fullmatch(r"model\.(\d+)\.(weight|bias)|mlp_(\d+)\.([02]\.(?:weight|bias))", key):
        layer, kind, mlp, rest = found.groups()
        return f"{layer}.{kind}" if mlp is None else f"{mlp}.{rest}"
    if found := re.fullmatch(r"model\.(\d+)\.conv_block\.([156])\.(weight|bias)", key):
        # The second convolution of a block is number 6 in networks that were trained with dropout.
        return f"{found[1]}.layers.{min(int(found[2]), 5)}.{found[3]}"
    raise UsageError(f"CUT checkpoint: the key {key} is unknown, among {some(network)}; expected {EXPECTED}.")
