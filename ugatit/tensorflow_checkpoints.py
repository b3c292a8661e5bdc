"""Names of the authors' TensorFlow code (taki0112/UGATIT): its generators as ours.

That code's generator differs from the PyTorch one's; what has a field of its own here is `encoder_affine`,
`decoder_biases` and `variance=biased`. The rest is folded into the tensors, which leaves images and heat maps as
they were:
- one CAM layer with a bias serves both poolings, and its bias is added to the weights that multiply the map: both
  of our layers get weight + bias (so their logits, which only training reads, are others);
- rho is used as clip(rho - 0.1, 0, 1) in decoder blocks ("smoothing", that code's default; the file cannot tell);
- biases before the encoder's instance norms have no effect and are dropped.
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


def reads_tensorflow(tensors: Mapping[str, Any]) -> bool:
    """Whether the names are that code's."""
    return any(str(name).split("/")[0] in SCOPES for name in tensors)


def read_tensorflow(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields and the generators' state dict in our names, from variables by their names.

    Raises:
        UsageError: a variable is missing; names it.
    """
    blocks = len({m[1] for name in tensors if (m := re.match(r"generator_B/resblock_(\d+)/", name))})
    state: dict[str, Tensor] = {}
    for scope, ours in SCOPES.items():
        generator = _Generator(tensors, scope, blocks)
        state |= {f"{ours}.{name}": tensor.contiguous() for name, tensor in generator.state().items()}
    wide = len(state["generator_a2b.attention.mix.bias"])
    inputs = state["generator_a2b.style.fc1.weight"].shape[1]
    fields = {
        "size": 256 if inputs == wide else 4 * round((inputs / wide) ** 0.5),
        "channels": len(state["generator_a2b.stem.weight"]),
        "blocks": blocks,
        "light": inputs == wide,
        "variance": "biased",
        "encoder_affine": True,
        "decoder_biases": True,
        "discriminator_cam_weight": "normalised",
        "decay_scope": "kernels",
        "steps": 1_000_000,
    }
    return fields, state


class _Generator:
    """One generator's variables, by layer."""

    def __init__(self, tensors: Mapping[str, Any], scope: str, blocks: int) -> None:
        self.tensors, self.scope, self.blocks = tensors, scope, blocks

    def state(self) -> dict[str, Tensor]:
        state: dict[str, Tensor] = {}
        for ours, theirs in (("stem", ""), ("down1", "_0"), ("down2", "_1")):
            state |= self.conv(ours, f"conv{theirs}", bias=False) | self.norm(f"{ours}_norm", f"ins_norm{theirs}")
        for block in range(self.blocks):
            for i in (1, 2):
                ours, theirs = f"encoder.{block}", f"resblock_{block}/res{i}"
                state |= self.conv(f"{ours}.conv{i}", f"{theirs}/conv_0", bias=False)
                state |= self.norm(f"{ours}.norm{i}", f"{theirs}/instance_norm")
                ours, theirs = f"decoder.{block}", f"adaptive_resblock{block}/res{i}"
                state |= self.conv(f"{ours}.conv{i}", f"{theirs}/conv_0")
                rho = self.variable(f"{theirs}/instance_layer_norm/rho")
                state[f"{ours}.norm{i}.rho"] = (rho - SMOOTHING).clamp(0, 1)
        classifier = (self.variable("CAM_logit/kernel") + self.variable("CAM_logit/bias")).T
        state |= {f"attention.{which}.weight": classifier.clone() for which in ("average", "maximum")}
        state |= self.conv("attention.mix", "conv_1x1")
        for ours, theirs in (("fc1", "linear_0"), ("fc2", "linear_1"), ("gamma", "gamma"), ("beta", "beta")):
            state[f"style.{ours}.weight"] = self.variable(f"MLP/{theirs}/dense/kernel").T
            state[f"style.{ours}.bias"] = self.variable(f"MLP/{theirs}/dense/bias")
        state["style.fc1.weight"] = _channel_major(state["style.fc1.weight"], len(state["attention.mix.bias"]))
        for i in (0, 1):
            state |= self.conv(f"up{i + 1}.conv", f"up_conv_{i}")
            state |= self.norm(f"up{i + 1}.norm", f"layer_ins_norm_{i}", "rho", "gamma", "beta")
        return state | self.conv("head", "G_logit")

    def conv(self, ours: str, theirs: str, bias: bool = True) -> dict[str, Tensor]:
        """A convolution's kernel (h, w, in, out) as (out, in, h, w), and its bias."""
        found = {f"{ours}.weight": self.variable(f"{theirs}/conv2d/kernel").permute(3, 2, 0, 1)}
        return found | ({f"{ours}.bias": self.variable(f"{theirs}/conv2d/bias")} if bias else {})

    def norm(self, ours: str, theirs: str, *parts: str) -> dict[str, Tensor]:
        return {f"{ours}.{part}": self.variable(f"{theirs}/{part}") for part in parts or ("gamma", "beta")}

    def variable(self, name: str) -> Tensor:
        found = self.tensors.get(f"{self.scope}/{name}")
        if not isinstance(found, Tensor):
            names = sorted(str(key) for key in self.tensors if str(key).startswith(self.scope))[:3]
            raise UsageError(
                f"the checkpoint lacks {self.scope}/{name}; TensorFlow's U-GAT-IT has it, and this file "
                f"{', '.join(names) or 'nothing of that generator'}."
            )
        return found


def _channel_major(weight: Tensor, channels: int) -> Tensor:
    """(out, area * channels), channels last, as (out, channels * area), channels first."""
    return torch.reshape(weight, (len(weight), -1, channels)).transpose(1, 2).flatten(1)
