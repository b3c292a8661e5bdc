"""Converts generators of the PyTorch port of the authors' test code (Yijunmaverick/CartoonGAN-Test-Pytorch-Torch).

The port has one state dict per style, `<style>_net_G_float.pth`, with the weights of the authors' Torch7 files. Its
images are BGR. Images here are RGB, so the input channels of the first convolution and the output channels of the last
one are put in the opposite order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ugbench.method import UsageError
from ugbench.nn.state_dicts import first_keys, unwrapped

NORM_EPS = 1e-9  # of the port's instance norm
FIRST_BLOCK = 12  # position of the first residual block among the generator's layers
EXPECTED = (
    "the state dict of one generator with keys such as conv01_1.weight, in01_1.scale and deconv03_1.weight, as "
    "Hayao_net_G_float.pth is"
)
SUFFIX = re.compile(r"(?:_net_G(?:_float)?)?(?:\.pth?)?$")
# Positions, in the generator of this package, of the layers before its residual blocks, and of those after them,
# counted from the end of the blocks.
BEFORE = {
    **{"conv01_1": 1, "in01_1": 2},
    **{"conv02_1": 4, "conv02_2": 5, "in02_1": 6},
    **{"conv03_1": 8, "conv03_2": 9, "in03_1": 10},
}
AFTER = {
    **{"deconv01_1": 0, "deconv01_2": 1, "in12_1": 2},
    **{"deconv02_1": 4, "deconv02_2": 5, "in13_1": 6},
    "deconv03_1": 9,
}
BLOCK = re.compile(r"(conv|in)(\d\d)_([12])")
FIRST_NUMBER = 4  # the number of the first residual block in its keys
NAMES = {"weight": "weight", "bias": "bias", "scale": "weight", "shift": "bias"}

Network = Mapping[str, Tensor]


def convert_checkpoint(tensors: Mapping[str, Any], style: str | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict with the names of this package, of one generator.

    Args:
        tensors: state dicts by file name, or one state dict; any of them may be wrapped (see `unwrapped`).
        style: the style to take if there are files of several styles; the name of a file begins with its style.
    Raises:
        UsageError: the tensors are no generator of the port, or they are of several styles and `style` is None.
    """
    network = _network(tensors, style)
    blocks = len({match[2] for key in network if (match := BLOCK.fullmatch(key.split(".")[0])) and _is_block(match)})
    state = {f"generator.{_renamed(key, blocks, network)}": tensor for key, tensor in network.items()}
    first, last = "generator.1.weight", f"generator.{FIRST_BLOCK + blocks + AFTER['deconv03_1']}"
    if blocks == 0 or first not in state:
        raise UsageError(f"CartoonGAN checkpoint: {first_keys(network)} was found; expected {EXPECTED}.")
    state[first] = state[first].flip(1)
    for key in {f"{last}.weight", f"{last}.bias"} & state.keys():
        state[key] = state[key].flip(0)
    has_biases = any(re.match(r"(de)?conv.*\.bias$", key) for key in network)
    return {"channels": len(state[first]), "blocks": blocks, "biases": has_biases, "norm_eps": NORM_EPS}, state


def _network(tensors: Mapping[str, Any], style: str | None) -> Network:
    """The state dict of one style."""
    content = unwrapped(tensors)
    if _is_network(content) and style is None:
        return content
    networks = {SUFFIX.sub("", name): network for name, network in content.items() if _is_network(network)}
    chosen = {name: network for name, network in networks.items() if style in (None, name)}
    if len(chosen) > 1:
        raise UsageError(
            f"CartoonGAN checkpoint: the styles {', '.join(sorted(chosen))} were found; pick one with --revision."
        )
    if not chosen:
        of_style = f" of the style {style}" if style is not None else ""
        raise UsageError(f"CartoonGAN checkpoint: {first_keys(tensors)} was found; expected {EXPECTED}{of_style}.")
    return next(iter(chosen.values()))


def _is_network(value: Any) -> bool:
    """True for a state dict that is not empty."""
    is_filled = isinstance(value, Mapping) and bool(value)
    return is_filled and all(isinstance(tensor, Tensor) for tensor in value.values())


def _is_block(match: re.Match[str]) -> bool:
    """Whether a layer, matched by BLOCK, is of a residual block: its number comes after those of BEFORE."""
    return int(match[2]) >= FIRST_NUMBER and match[0] not in AFTER


def _renamed(public_key: str, blocks: int, network: Network) -> str:
    """The key in this package, without the name of the network, for a public key.

    Raises:
        UsageError: the key is unknown.
    """
    layer, _, name = public_key.partition(".")
    is_norm = layer.startswith("in")
    if name in (("scale", "shift") if is_norm else ("weight", "bias")):
        if layer in BEFORE:
            return f"{BEFORE[layer]}.{NAMES[name]}"
        if layer in AFTER:
            return f"{FIRST_BLOCK + blocks + AFTER[layer]}.{NAMES[name]}"
        if (match := BLOCK.fullmatch(layer)) and _is_block(match):
            position = 4 * (int(match[3]) - 1) + (2 if is_norm else 1)
            return f"{FIRST_BLOCK + int(match[2]) - FIRST_NUMBER}.layers.{position}.{NAMES[name]}"
    raise UsageError(
        f"CartoonGAN checkpoint: the key {public_key} is unknown, among {first_keys(network)}; expected {EXPECTED}."
    )
