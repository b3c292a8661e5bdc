"""Converts the generators of checkpoints of the authors' TensorFlow code (taki0112/UGATIT).

The generator of that code differs from the one of the PyTorch code. Three differences are config fields here:
`encoder_affine`, `decoder_biases` and `variance=biased`. The conversion handles the others by changing tensors, so that
images and attention maps stay the same:
- That code has one CAM layer with a bias for both poolings, and adds the bias to the weights that multiply the
  features. Here both layers get weight + bias. Their logits differ from that code's; only training reads them.
- In decoder blocks that code uses rho as clip(rho - 0.1, 0, 1) ("smoothing", its default; the file does not say).
- Biases before the instance norms of the encoder have no effect and are left out.
The discriminators are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
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
        generator = _generator(partial(_variable, tensors, scope), blocks)
        state |= {f"{network}.{key}": tensor.contiguous() for key, tensor in generator.items()}
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


def _generator(variable: Callable[[str], Tensor], blocks: int) -> dict[str, Tensor]:
    """The state dict of one generator.

    Args:
        variable: gives a variable of the generator by its name; raises UsageError if there is none.
    """

    def conv(layer: str, scope: str, bias: bool = True) -> dict[str, Tensor]:
        """The kernel of a convolution, permuted from (h, w, in, out) to (out, in, h, w), and its bias."""
        kernel = {f"{layer}.weight": variable(f"{scope}/conv2d/kernel").permute(3, 2, 0, 1)}
        return kernel | ({f"{layer}.bias": variable(f"{scope}/conv2d/bias")} if bias else {})

    def norm(layer: str, scope: str, *names: str) -> dict[str, Tensor]:
        """Parameters of a norm; gamma and beta if no names are given."""
        return {f"{layer}.{name}": variable(f"{scope}/{name}") for name in names or ("gamma", "beta")}

    state: dict[str, Tensor] = {}
    for layer, suffix in (("stem", ""), ("down1", "_0"), ("down2", "_1")):
        state |= conv(layer, f"conv{suffix}", bias=False) | norm(f"{layer}_norm", f"ins_norm{suffix}")
    for block, i in product(range(blocks), (1, 2)):
        scope = f"resblock_{block}/res{i}"
        state |= conv(f"encoder.{block}.conv{i}", f"{scope}/conv_0", bias=False)
        state |= norm(f"encoder.{block}.norm{i}", f"{scope}/instance_norm")
        scope = f"adaptive_resblock{block}/res{i}"
        state |= conv(f"decoder.{block}.conv{i}", f"{scope}/conv_0")
        rho = variable(f"{scope}/instance_layer_norm/rho")
        state[f"decoder.{block}.norm{i}.rho"] = (rho - SMOOTHING).clamp(0, 1)
    classifier = (variable("CAM_logit/kernel") + variable("CAM_logit/bias")).T
    state |= {f"attention.{pooling}.weight": classifier.clone() for pooling in ("average", "maximum")}
    state |= conv("attention.mix", "conv_1x1")
    for layer, scope in (("fc1", "linear_0"), ("fc2", "linear_1"), ("gamma", "gamma"), ("beta", "beta")):
        state[f"style.{layer}.weight"] = variable(f"MLP/{scope}/dense/kernel").T
        state[f"style.{layer}.bias"] = variable(f"MLP/{scope}/dense/bias")
    state["style.fc1.weight"] = _channel_major(state["style.fc1.weight"], len(state["attention.mix.bias"]))
    for i in (0, 1):
        state |= conv(f"up{i + 1}.conv", f"up_conv_{i}")
        state |= norm(f"up{i + 1}.norm", f"layer_ins_norm_{i}", "rho", "gamma", "beta")
    return state | conv("head", "G_logit")


def _variable(tensors: Mapping[str, Any], scope: str, name: str) -> Tensor:
    """One variable of the generator `scope`.

    Raises:
        UsageError: it is missing.
    """
    tensor = tensors.get(f"{scope}/{name}")
    if not isinstance(tensor, Tensor):
        names = sorted(str(key) for key in tensors if str(key).startswith(scope))[:3]
        raise UsageError(
            f"the checkpoint lacks {scope}/{name}; TensorFlow's U-GAT-IT has it, and this file "
            f"holds {', '.join(names) or 'nothing of that generator'}."
        )
    return tensor


def _channel_major(weight: Tensor, channels: int) -> Tensor:
    """Reorder the inputs of a weight (out, area * channels) from channels last to channels first."""
    return torch.reshape(weight, (len(weight), -1, channels)).transpose(1, 2).flatten(1)
