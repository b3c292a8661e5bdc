"""Reads checkpoints of the authors' PyTorch code (pytorch-CycleGAN-and-pix2pix) and of forks that resize.

That code writes a state dict a network: `<epoch>_net_{G_A,G_B,D_A,D_B}.pth` from training, and
`latest_net_G.pth`, one generator, for the published models. Forks that resize put enlarging by 2, reflection padding
by 1 and a 3x3 convolution for each transposed one; the keys do not tell how they enlarge: nearest is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ugbench.method import UsageError

# The public D_A judges what G_A makes: images of B.
OWN_NAMES = {
    "G_A": "generator_a2b",
    "G_B": "generator_b2a",
    "D_A": "discriminator_b",
    "D_B": "discriminator_a",
    "G": "generator_a2b",
}
# Positions after the residual blocks of the convolutions that upsample, and of the last one.
UPSAMPLING = {"transposed": (0, 3, 7), "resize": (2, 7, 11)}
FIRST_BLOCK = 10
EXPECTED = (
    "a state dict of a ResNet generator with keys such as model.1.weight and model.10.conv_block.1.weight (from "
    "latest_net_G.pth), or those of both latest_net_G_A.pth and latest_net_G_B.pth by their names"
)

Network = Mapping[str, Tensor]


def read_public(tensors: Mapping[str, Any], revision: str | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields and a state dict, in our names, of the networks that are given.

    Args:
        tensors: state dicts by file name, or the state dict of one generator, which becomes generator_a2b.
        revision: the epoch to take where files of several are given.
    Raises:
        UsageError: the tensors are of another kind; names what was found and what was expected.
    """
    networks = _networks(tensors, revision)
    state = {
        f"{network}.{key}": tensor for network, public in networks.items() for key, tensor in _own_keys(public).items()
    }
    generator = {key.removeprefix("generator_a2b."): state[key] for key in state if key.startswith("generator_a2b.")}
    blocks = len({key.split(".")[0] for key in generator if ".layers." in key})
    fields = {"blocks": blocks or None, "upsampling": _upsampling(generator, blocks)}
    widths = {"channels": "generator_a2b.1.weight", "discriminator_channels": "discriminator_a.0.weight"}
    return fields | {field: len(state[key]) for field, key in widths.items() if key in state}, state


def _networks(tensors: Mapping[str, Any], revision: str | None) -> dict[str, Network]:
    """The state dicts of one epoch by our networks' names."""
    files = {name: value for name, value in tensors.items() if isinstance(value, Mapping)}
    if not files and tensors and all(isinstance(value, Tensor) for value in tensors.values()):
        files = {"G": tensors}
    epochs: dict[str, dict[str, Network]] = {}
    for name, value in files.items():
        if found := re.fullmatch(r"(?:(.+)_net_)?([GD]_[AB]|G)(?:\.pth)?", name):
            epochs.setdefault(found[1] or "", {})[found[2]] = value
    if not epochs and len(files) == len(tensors) == 1:  # one file of any name
        epochs = {"": {"G": next(iter(files.values()))}}
    if revision is not None:
        epochs = {epoch: networks for epoch, networks in epochs.items() if epoch == revision}
    if len(epochs) > 1:
        raise UsageError(
            f"CycleGAN checkpoint: epochs {', '.join(sorted(epochs))} were found; pick one with --revision."
        )
    networks = next(iter(epochs.values()), {})
    if networks.keys() != {"G"} and not {"G_A", "G_B"} <= networks.keys() - {"G"}:
        of_epoch = f" of epoch {revision}" if revision is not None else ""
        one = "; give one of a pair by itself, with --direction" if networks.keys() & {"G_A", "G_B"} else ""
        raise UsageError(f"CycleGAN checkpoint: {some(tensors)} was found; expected {EXPECTED}{of_epoch}{one}.")
    if "G" in networks and len(networks) > 1:
        raise UsageError(f"CycleGAN checkpoint: {some(tensors)} was found: one generator and a pair; give one kind.")
    return {OWN_NAMES[name]: network for name, network in networks.items()}


def _own_keys(public: Network) -> dict[str, Tensor]:
    """A public network's tensors by our keys, which differ in the names around the same layer numbers."""
    own = {}
    for key, tensor in public.items():
        # Old checkpoints carry statistics of instance norm that were never used.
        if key.endswith(("running_mean", "running_var", "num_batches_tracked")):
            continue
        found = re.fullmatch(r"(?:module\.)?model\.(\d+)\.(?:conv_block\.([156])\.)?(weight|bias)", key)
        if found is None:
            raise UsageError(
                f"CycleGAN checkpoint: the key {key} is unknown, among {some(public)}; expected {EXPECTED}."
            )
        layer, inner, kind = found.groups()
        # The second convolution of a block is number 6 in networks that were trained with dropout.
        own[f"{layer}.{kind}" if inner is None else f"{layer}.layers.{min(int(inner), 5)}.{kind}"] = tensor
    return own


def _upsampling(generator: Network, blocks: int) -> str:
    """How a generator upsamples, from where its convolutions stand.

    Raises:
        UsageError: they stand elsewhere.
    """
    found = sorted(int(key.split(".")[0]) for key in generator if re.fullmatch(r"\d+\.weight", key))
    for name, offsets in UPSAMPLING.items():
        if found == [1, 4, 7, *(FIRST_BLOCK + blocks + offset for offset in offsets)] and blocks:
            return name
    ways = " or ".join(
        ", ".join(str(FIRST_BLOCK + blocks + offset) for offset in offsets) for offsets in UPSAMPLING.values()
    )
    raise UsageError(
        f"CycleGAN checkpoint: {blocks} residual blocks and convolutions model.N at N = "
        f"{', '.join(map(str, found)) or 'nothing'} were found; expected blocks from model.{FIRST_BLOCK} on and "
        f"convolutions at 1, 4, 7, then {ways}: a ResNet generator with two halvings."
    )


def some(keys: Mapping[str, Any]) -> str:
    """The first keys, for a sentence."""
    names = [str(key) for key in keys]
    return (", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")) or "nothing"
