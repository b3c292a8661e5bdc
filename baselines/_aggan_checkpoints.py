"""Converts checkpoints of the authors' TensorFlow code for AGGAN: `AGGAN-<epoch>.index` with its data file.

In each network the variables of a layer have the name of the layer, `c1` to `c6` and `r1/c1` to `r9/c2`. Left out are
what only training with that code needs (`Adam`, `beta1_power`), and the instance norms of the last layers, which that
code stores and does not use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from baselines._aggan_networks import (
    AttentionKernels,
    Discriminator,
    SwitchedInstanceNorm,
    attention_network,
    generator,
)
from ugbench.method import UsageError
from ugbench.nn.state_dicts import first_keys

GENERATORS = {"g_A": "generator_a2b", "g_B": "generator_b2a"}
ATTENTION = {"g_A_ae": "attention_a", "g_B_ae": "attention_b"}
DISCRIMINATORS = {"d_A": "discriminator_a", "d_B": "discriminator_b"}
EXPECTED = "Model/g_A/c1/Conv/weights and others (of AGGAN-<epoch>.index, which the authors' code of 2018-11 writes)"


def convert_checkpoint(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict with the names of this package.

    The discriminators are taken if the checkpoint has them.

    Args:
        tensors: the variables by their names.
    Raises:
        UsageError: a variable is missing, or the checkpoint is of the code before 2018-11.
    """
    if old := [name for name in tensors if "/Conv_1/" in name]:
        raise UsageError(
            f"AGGAN checkpoint: {min(old)} was found, which the authors' code of June to September "
            "2018 wrote; its networks are others and are not read. Take a checkpoint of the code of 2018-11."
        )
    channels = len(_variable(tensors, "Model/g_A/c1/Conv/biases"))
    attention_channels = len(_variable(tensors, "Model/g_A_ae/c1/Conv/biases"))
    blocks = len({match[1] for name in tensors if (match := re.match(r"Model/g_A/r(\d+)/c1/", name))})
    kernel_size = len(_variable(tensors, "Model/g_A_ae/c4/Conv/weights", 4))
    kernels: AttentionKernels = "published" if kernel_size == 1 else "intended"
    fields = {
        "channels": channels,
        "blocks": blocks,
        "attention_channels": attention_channels,
        "attention_kernels": kernels,
    }
    in_blocks = [f"r{block}/{layer}" for block in range(1, blocks + 1) for layer in ("c1", "c2")]
    layers = ["c1", "c2", "c3", *in_blocks, "c4", "c5", "c6"]
    attention_layers = ["c1", "c2", "r1/c1", "r1/c2", "c4", "c5", "c6"]
    state: dict[str, Tensor] = {}
    for scope, name in GENERATORS.items():
        state |= _network(tensors, scope, name, layers, lambda: generator(channels, blocks))
    for scope, name in ATTENTION.items():
        state |= _network(
            tensors, scope, name, attention_layers, lambda: attention_network(attention_channels, kernels)
        )
    if any(name.startswith("Model/d_") for name in tensors):
        width = len(_variable(tensors, "Model/d_A/c1/Conv/biases"))
        fields["discriminator_channels"] = width
        for scope, name in DISCRIMINATORS.items():
            state |= _network(tensors, scope, name, [f"c{i}" for i in range(1, 6)], lambda: Discriminator(width))
    return fields, state


def _network(
    tensors: Mapping[str, Any], scope: str, name: str, layers: list[str], build: Callable[[], nn.Module]
) -> dict[str, Tensor]:
    """The state dict of one network, with its name before each key.

    Args:
        scope: the network's name in the checkpoint.
        layers: the names of its layers in the checkpoint, in the order of the forward pass, which is that of the
            modules here. Each but the last has an instance norm.
        build: makes the network; called on the meta device.
    """
    with torch.device("meta"):
        modules = dict(build().named_modules())
    convolutions = [key for key, module in modules.items() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
    norms = [key for key, module in modules.items() if isinstance(module, nn.InstanceNorm2d | SwitchedInstanceNorm)]
    state = {}
    for layer, key in zip(layers, convolutions, strict=True):
        operation = "Conv2d_transpose" if isinstance(modules[key], nn.ConvTranspose2d) else "Conv"
        kernel = _variable(tensors, f"Model/{scope}/{layer}/{operation}/weights", 4)
        # From (h, w, in, out) to (out, in, h, w). A transposed convolution has (h, w, out, in) and (in, out, h, w).
        state[f"{name}.{key}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
        state[f"{name}.{key}.bias"] = _variable(tensors, f"Model/{scope}/{layer}/{operation}/biases")
    for layer, key in zip(layers[:-1], norms, strict=True):
        for ours, theirs in (("weight", "scale"), ("bias", "offset")):
            state[f"{name}.{key}.{ours}"] = _variable(tensors, f"Model/{scope}/{layer}/instance_norm/{theirs}")
    return state


def _variable(tensors: Mapping[str, Any], name: str, dimensions: int = 1) -> Tensor:
    """One variable.

    Raises:
        UsageError: it is missing, or has another number of dimensions.
    """
    tensor = tensors.get(name)
    if not isinstance(tensor, Tensor):
        names = first_keys(sorted(tensors))
        raise UsageError(f"AGGAN checkpoint: {name} is missing, and {names} was found; expected {EXPECTED}.")
    if tensor.ndim != dimensions:
        raise UsageError(
            f"AGGAN checkpoint: {name} has the shape {tuple(tensor.shape)}; expected {dimensions} dimensions, so "
            "import another file."
        )
    return tensor
