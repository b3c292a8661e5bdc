"""Converts checkpoints of the authors' PyTorch code (pytorch-CycleGAN-and-pix2pix) and of forks that resize.

That code writes one state dict per network: `<epoch>_net_{G_A,G_B,D_A,D_B}.pth` in training, and `latest_net_G.pth`,
a single generator, for each published model. Forks that resize have an upsampling layer, reflection padding by 1 and
a 3x3 convolution in place of each transposed convolution. The keys do not say how they upsample; nearest-neighbour
upsampling is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from baselines._epoch_files import Network, networks_of_epoch
from ugbench.method import UsageError
from ugbench.nn.state_dicts import first_keys

# The public D_A is the discriminator of the outputs of G_A, which are images of B.
NETWORK_NAMES = {
    "G_A": "generator_a2b",
    "G_B": "generator_b2a",
    "D_A": "discriminator_b",
    "D_B": "discriminator_a",
    "G": "generator_a2b",
}
# Positions, counted from the end of the residual blocks, of the two upsampling convolutions and of the last one.
UPSAMPLING = {"transposed": (0, 3, 7), "resize": (2, 7, 11)}
FIRST_BLOCK = 10
EXPECTED = (
    "a state dict of a ResNet generator with keys such as model.1.weight and model.10.conv_block.1.weight (from "
    "latest_net_G.pth), or those of both latest_net_G_A.pth and latest_net_G_B.pth by their names"
)


def convert_checkpoint(tensors: Mapping[str, Any], revision: str | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict with the names of this package, from the networks that are given.

    Args:
        tensors: state dicts by file name, or the state dict of one generator, which becomes generator_a2b.
        revision: the epoch to take if there are files of several epochs.
    Raises:
        UsageError: the tensors are not a checkpoint of that code.
    """
    state = {
        f"{name}.{key}": tensor
        for name, network in _networks(tensors, revision).items()
        for key, tensor in _renamed(network).items()
    }
    generator = {key.removeprefix("generator_a2b."): state[key] for key in state if key.startswith("generator_a2b.")}
    blocks = len({key.split(".")[0] for key in generator if ".layers." in key})
    fields = {"blocks": blocks or None, "upsampling": _upsampling(generator, blocks)}
    widths = {"channels": "generator_a2b.1.weight", "discriminator_channels": "discriminator_a.0.weight"}
    return fields | {field: len(state[key]) for field, key in widths.items() if key in state}, state


def _networks(tensors: Mapping[str, Any], revision: str | None) -> dict[str, Network]:
    """The state dicts of one epoch by the names of the networks in this package."""
    networks = networks_of_epoch(tensors, "[GD]_[AB]|G", revision, "CycleGAN")
    if networks.keys() != {"G"} and not {"G_A", "G_B"} <= networks.keys() - {"G"}:
        of_epoch = f" of epoch {revision}" if revision is not None else ""
        half = "; give one of a pair by itself, with --direction" if networks.keys() & {"G_A", "G_B"} else ""
        raise UsageError(f"CycleGAN checkpoint: {first_keys(tensors)} was found; expected {EXPECTED}{of_epoch}{half}.")
    if "G" in networks and len(networks) > 1:
        raise UsageError(
            f"CycleGAN checkpoint: {first_keys(tensors)} was found: one generator and a pair; give one kind."
        )
    return {NETWORK_NAMES[name]: network for name, network in networks.items()}


def _renamed(network: Network) -> dict[str, Tensor]:
    """A public network's tensors with the keys of this package: the layers have the same numbers.

    Raises:
        UsageError: a key is unknown.
    """
    state = {}
    for public_key, tensor in network.items():
        # Old checkpoints contain running statistics of instance norm, which were never used.
        if public_key.endswith(("running_mean", "running_var", "num_batches_tracked")):
            continue
        match = re.fullmatch(r"model\.(\d+)\.(?:conv_block\.([156])\.)?(weight|bias)", public_key)
        if match is None:
            raise UsageError(
                f"CycleGAN checkpoint: the key {public_key} is unknown, among {first_keys(network)}; "
                f"expected {EXPECTED}."
            )
        layer, block_layer, name = match.groups()
        # The second convolution of a block is number 6, not 5, in networks that were trained with dropout.
        key = f"{layer}.{name}" if block_layer is None else f"{layer}.layers.{min(int(block_layer), 5)}.{name}"
        state[key] = tensor
    return state


def _upsampling(generator: Network, blocks: int) -> str:
    """How a generator upsamples, which follows from the positions of its convolutions.

    Raises:
        UsageError: the positions are those of another network.
    """
    positions = sorted(int(key.split(".")[0]) for key in generator if re.fullmatch(r"\d+\.weight", key))
    after_blocks = {name: [FIRST_BLOCK + blocks + offset for offset in offsets] for name, offsets in UPSAMPLING.items()}
    for name, last_positions in after_blocks.items():
        if blocks and positions == [1, 4, 7, *last_positions]:
            return name
    alternatives = " or ".join(", ".join(map(str, last_positions)) for last_positions in after_blocks.values())
    raise UsageError(
        f"CycleGAN checkpoint: {blocks} residual blocks and convolutions model.N at N = "
        f"{', '.join(map(str, positions)) or 'nothing'} were found; expected blocks from model.{FIRST_BLOCK} on and "
        f"convolutions at 1, 4, 7, then {alternatives}: a ResNet generator with two stride-2 convolutions."
    )
