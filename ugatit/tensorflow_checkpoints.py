"""Converts the generators of checkpoints of the authors' TensorFlow code (taki0112/UGATIT).

The generator of that code differs from the one of the PyTorch code. Three differences are config fields here:
`encoder_affine`, `decoder_biases` and `variance=biased`. The others are computed into the tensors, so that images and
attention maps stay the same:
- That code has one CAM layer with a bias for both poolings, and adds the bias to the weights that multiply the
  features. Here both layers get weight + bias. Their logits differ from that code's; only training reads them.
- In decoder blocks that code uses rho as clip(rho - 0.1, 0, 1) ("smoothing", its default; the file does not say).
- Biases before the instance norms of the encoder have no effect and are left out.
The discriminators are not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ugbench.method import UsageError

SCOPES = {"generator_B": "generator_a2b", "generator_A": "generator_b2a"}
SMOOTHING = 0.1


def is_tensorflow_checkpoint(tensors: Mapping[str, Any]) -> bool:
    """True if the names are those of that code's variables."""
    return any(str(name).split("/")[0] in SCOPES for name in tensors)


def convert_tensorflow_checkpoint(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict of the generators with the names of this package.

    Args:
        tensors: the variables by their names.
    Raises:
        UsageError: a variable is missing.
    """
    blocks = len({match[1] for name in tensors if (match := re.match(r"generator_B/resblock_(\d+)/", name))})
    state: dict[str, Tensor] = {}
    for scope, network in SCOPES.items():
        generator = _Generator(tensors, scope, blocks)
        state |= {f"{network}.{key}": tensor.contiguous() for key, tensor in generator.state().items()}
    features = len(state["generator_a2b.attention.mix.bias"])
    inputs = state["generator_a2b.style.fc1.weight"].shape[1]
    fields = {
        "size": 256 if inputs == features else 4 * round((inputs / features) ** 0.5),
        "channels": len(state["generator_a2b.stem.weight"]),
        "blocks": blocks,
        "light": inputs == features,
        "variance": "biased",
        "encoder_affine": True,
        "decoder_biases": True,
        "discriminator_cam_weight": "normalised",
        "decay_scope": "kernels",
        "steps": 1_000_000,
    }
    return fields, state


class _Generator:
    """The variables of one generator, converted layer by layer."""

    def __init__(self, tensors: Mapping[str, Any], scope: str, blocks: int) -> None:
        self.tensors, self.scope, self.blocks = tensors, scope, blocks

    def state(self) -> dict[str, Tensor]:
        """The state dict of the generator."""
        state: dict[str, Tensor] = {}
        for layer, suffix in (("stem", ""), ("down1", "_0"), ("down2", "_1")):
            state |= self.conv(layer, f"conv{suffix}", bias=False) | self.norm(f"{layer}_norm", f"ins_norm{suffix}")
        for block in range(self.blocks):
            for i in (1, 2):
                scope = f"resblock_{block}/res{i}"
                state |= self.conv(f"encoder.{block}.conv{i}", f"{scope}/conv_0", bias=False)
                state |= self.norm(f"encoder.{block}.norm{i}", f"{scope}/instance_norm")
                scope = f"adaptive_resblock{block}/res{i}"
                state |= self.conv(f"decoder.{block}.conv{i}", f"{scope}/conv_0")
                rho = self.variable(f"{scope}/instance_layer_norm/rho")
                state[f"decoder.{block}.norm{i}.rho"] = (rho - SMOOTHING).clamp(0, 1)
        classifier = (self.variable("CAM_logit/kernel") + self.variable("CAM_logit/bias")).T
        state |= {f"attention.{pooling}.weight": classifier.clone() for pooling in ("average", "maximum")}
        state |= self.conv("attention.mix", "conv_1x1")
        for layer, scope in (("fc1", "linear_0"), ("fc2", "linear_1"), ("gamma", "gamma"), ("beta", "beta")):
            state[f"style.{layer}.weight"] = self.variable(f"MLP/{scope}/dense/kernel").T
            state[f"style.{layer}.bias"] = self.variable(f"MLP/{scope}/dense/bias")
        state["style.fc1.weight"] = _channel_major(state["style.fc1.weight"], len(state["attention.mix.bias"]))
        for i in (0, 1):
            state |= self.conv(f"up{i + 1}.conv", f"up_conv_{i}")
            state |= self.norm(f"up{i + 1}.norm", f"layer_ins_norm_{i}", "rho", "gamma", "beta")
        return state | self.conv("head", "G_logit")

    def conv(self, layer: str, scope: str, bias: bool = True) -> dict[str, Tensor]:
        """The kernel of a convolution, permuted from (h, w, in, out) to (out, in, h, w), and its bias."""
        tensors = {f"{layer}.weight": self.variable(f"{scope}/conv2d/kernel").permute(3, 2, 0, 1)}
        if bias:
            tensors[f"{layer}.bias"] = self.variable(f"{scope}/conv2d/bias")
        return tensors

    def norm(self, layer: str, scope: str, *names: str) -> dict[str, Tensor]:
        """Parameters of a norm; gamma and beta if no names are given."""
        return {f"{layer}.{name}": self.variable(f"{scope}/{name}") for name in names or ("gamma", "beta")}

    def variable(self, name: str) -> Tensor:
        """One variable of this generator.

        Raises:
            UsageError: it is missing.
        """
        tensor = self.tensors.get(f"{self.scope}/{name}")
        if not isinstance(tensor, Tensor):
            names = sorted(str(key) for key in self.tensors if str(key).startswith(self.scope))[:3]
            raise UsageError(
                f"the checkpoint lacks {self.scope}/{name}; TensorFlow's U-GAT-IT has it, and this file "
                f"holds {', '.join(names) or 'nothing of that generator'}."
            )
        return tensor


def _channel_major(weight: Tensor, channels: int) -> Tensor:
    """Reorder the inputs of a weight (out, area * channels) from channels last to channels first."""
    return torch.reshape(weight, (len(weight), -1, channels)).transpose(1, 2).flatten(1)
