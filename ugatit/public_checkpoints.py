"""Converts checkpoints of the authors' PyTorch code (znxlwm/UGATIT-pytorch), which are files `*_params_*.pt`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ugbench.method import Direction, UsageError
from ugbench.nn.state_dicts import first_keys

GENERATORS = {"genA2B": "generator_a2b", "genB2A": "generator_b2a"}
NETWORKS = {
    **GENERATORS,
    "disGA": "global_a",
    "disGB": "global_b",
    "disLA": "local_a",
    "disLB": "local_b",
}
GENERATOR_KEYS = {
    "DownBlock.1.weight": "stem.weight",
    "DownBlock.5.weight": "down1.weight",
    "DownBlock.9.weight": "down2.weight",
    "gap_fc.weight": "attention.average.weight",
    "gmp_fc.weight": "attention.maximum.weight",
    "conv1x1.weight": "attention.mix.weight",
    "conv1x1.bias": "attention.mix.bias",
    "FC.0.weight": "style.fc1.weight",
    "FC.2.weight": "style.fc2.weight",
    "gamma.weight": "style.gamma.weight",
    "beta.weight": "style.beta.weight",
    "UpBlock2.2.weight": "up1.conv.weight",
    "UpBlock2.7.weight": "up2.conv.weight",
    "UpBlock2.11.weight": "head.weight",
    **{f"UpBlock2.3.{name}": f"up1.norm.{name}" for name in ("rho", "gamma", "beta")},
    **{f"UpBlock2.8.{name}": f"up2.norm.{name}" for name in ("rho", "gamma", "beta")},
}
BLOCK_KEYS = {
    "DownBlock.{down}.conv_block.1.weight": "encoder.{block}.conv1.weight",
    "DownBlock.{down}.conv_block.5.weight": "encoder.{block}.conv2.weight",
    **{
        f"UpBlock1_{{up}}.{name}": f"decoder.{{block}}.{name}"
        for name in ("conv1.weight", "norm1.rho", "conv2.weight", "norm2.rho")
    },
}
# Until 2019-08-27 (commits 1ed59f2 and f7a4b59) that code had another forward pass for the same tensors.
REVISIONS: dict[str, dict[str, Any]] = {
    "2019-08": {},
    "2019-07": {"decoder_skip": False, "variance": "nested"},
}
SPECTRAL = {"weight_orig": "weight", "weight_u": "u", "weight_v": "v"}


def convert_checkpoint(
    tensors: Mapping[str, Any], revision: str, direction: Direction | None = None
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict with the names of this package, from the networks of a checkpoint.

    Args:
        tensors: the content of the file, or a dict from the name of the file to its content: all six networks, both
            generators, or one of them, which may be a state dict without a name.
        revision: a key of REVISIONS.
        direction: what a single generator translates; None is A2B.
    Raises:
        UsageError: a network or a key is missing or unknown, or a single generator is the other one.
    """
    networks = _networks(tensors, direction)
    state: dict[str, Tensor] = {}
    for public_name, network in networks.items():
        name = NETWORKS[public_name]
        keys = _generator_keys(network) if public_name.startswith("gen") else _discriminator_keys(network)
        should_hold = f"it should hold {first_keys(keys)}"
        if absent := sorted(set(keys) - set(network)):
            raise UsageError(f"the checkpoint's {public_name} lacks {first_keys(absent)}; {should_hold}.")
        if unknown := sorted(set(network) - set(keys)):
            raise UsageError(f"the checkpoint's {public_name} has unknown {first_keys(unknown)}; {should_hold}.")
        for public_key, key in keys.items():
            # In that code rho, gamma and beta have the shape (1, channels, 1, 1).
            is_vector = public_key.endswith((".rho", ".gamma", ".beta"))
            state[f"{name}.{key}"] = network[public_key].flatten() if is_vector else network[public_key]
    fields = _fields(next(iter(networks.values())))
    if "disGA" in networks:
        fields |= _discriminator_fields(networks["disGA"], networks["disLA"])
    return fields | REVISIONS[revision], state


def _networks(tensors: Mapping[str, Any], direction: Direction | None) -> dict[str, Mapping[str, Tensor]]:
    """The networks by the public names, a generator first: six, two generators or one.

    Raises:
        UsageError: the networks are none of these sets, or a single generator is not that of `direction`.
    """
    only = next(iter(tensors.values())) if len(tensors) == 1 and not NETWORKS.keys() & tensors else None
    if isinstance(only, Mapping):  # by the name of the file
        tensors = only
    if "DownBlock.1.weight" in tensors:  # the state dict of one generator
        return {f"gen{direction or 'A2B'}": tensors}
    networks = {name: tensors[name] for name in NETWORKS if isinstance(tensors.get(name), Mapping)}
    if len(networks) == 1 and (single := next(iter(networks))) in GENERATORS:
        if single != f"gen{direction or 'A2B'}":
            raise UsageError(f"the checkpoint holds {single} alone; give --direction {single.removeprefix('gen')}.")
        return networks
    if networks.keys() not in (GENERATORS.keys(), NETWORKS.keys()):
        missing = [name for name in NETWORKS if name not in networks]
        raise UsageError(
            f"the checkpoint lacks {', '.join(missing)}; the published ones hold {', '.join(NETWORKS)}, "
            f"and this one {first_keys(sorted(map(str, tensors)))}."
        )
    return networks


def _fields(generator: Mapping[str, Tensor]) -> dict[str, Any]:
    """The config fields that follow from the shapes of a generator's tensors, and that code's settings."""
    features = generator["conv1x1.weight"].shape[0]
    inputs = generator["FC.0.weight"].shape[1]
    light = inputs == features
    return {
        "size": 256 if light else 4 * round((inputs / features) ** 0.5),
        "channels": generator["DownBlock.1.weight"].shape[0],
        "blocks": _blocks(generator),
        "light": light,
        "rho_start": 0.9,
        "init": "default",
        "spectral_iterations": "forward",
        "steps": 1_000_000,
    }


def _discriminator_fields(
    global_discriminator: Mapping[str, Tensor], local_discriminator: Mapping[str, Tensor]
) -> dict[str, Any]:
    """The config fields that follow from the shapes of the discriminators' tensors."""
    return {
        "discriminator_channels": global_discriminator["model.1.weight_orig"].shape[0],
        "global_depth": len(_layers(global_discriminator)) - 1,
        "local_depth": len(_layers(local_discriminator)) - 1,
    }


def _generator_keys(network: Mapping[str, Tensor]) -> dict[str, str]:
    """The keys of a public generator, each with its key here."""
    keys = dict(GENERATOR_KEYS)
    for block in range(_blocks(network)):
        numbers = {"down": 12 + block, "up": 1 + block, "block": block}
        keys |= {public_key.format(**numbers): key.format(**numbers) for public_key, key in BLOCK_KEYS.items()}
    return keys


def _discriminator_keys(network: Mapping[str, Tensor]) -> dict[str, str]:
    """The keys of a public discriminator, each with its key here."""
    keys = {f"conv1x1.{name}": f"attention.mix.{name}" for name in ("weight", "bias")}
    spectral = {"gap_fc": "attention.average", "gmp_fc": "attention.maximum", "conv": "last"}
    for layer, position in enumerate(_layers(network)):
        spectral[f"model.{position}"] = f"layers.{layer}"
        keys[f"model.{position}.bias"] = f"layers.{layer}.bias"
    keys |= {
        f"{public_layer}.{public_name}": f"{layer}.{name}"
        for public_layer, layer in spectral.items()
        for public_name, name in SPECTRAL.items()
    }
    return keys


def _blocks(generator: Mapping[str, Tensor]) -> int:
    """The number of residual blocks of the decoder; at least 1, so that absent blocks are reported by their keys."""
    return max(1, sum(bool(re.fullmatch(r"UpBlock1_\d+\.conv1\.weight", key)) for key in generator))


def _layers(discriminator: Mapping[str, Tensor]) -> range:
    """Positions of the convolutions: each layer is padding, convolution and activation, in this order."""
    count = sum(bool(re.fullmatch(r"model\.\d+\.weight_orig", key)) for key in discriminator)
    return range(1, 1 + 3 * max(1, count), 3)
