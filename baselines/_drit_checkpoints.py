"""Converts encoders and generators of the authors' code of DRIT (HsinYingLee/DRIT, the version for two domains).

Its `.pth` files are dicts of state dicts: enc_c, enc_a and gen, eight networks with their optimizers in all, and
counters. The keys tell the form: `--concat 1`, its default, or `--concat 0`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ugbench.method import UsageError
from ugbench.nn.state_dicts import first_keys, unwrapped

EXPECTED = (
    "the networks enc_c, enc_a and gen of one .pth file, with keys such as convA.0.model.1.weight, conv_A.1.weight "
    "(or model_a.1.weight) and decA2.0.model.0.weight"
)
NETWORKS = {"enc_c": "content_encoder", "enc_a": "attribute_encoder", "gen": "generator"}
# Public keys without `.weight` or `.bias`, and the keys of this package. The groups of a pattern, of which the first
# one is the domain if it is a letter, replace {0}, {1} and so on.
ENC_C = {
    r"conv([AB])\.([0-2])\.model\.1": "domains.{0}.{1}.1",
    r"conv([AB])\.([3-9]|\d\d+)\.model\.([15])": "domains.{0}.{1}.layers.{2}",
    r"conv_share\.0\.model\.([15])": "shared.layers.{0}",
}
ENC_A = {
    "concat": {
        r"conv_([AB])\.1": "domains.{0}.1",
        r"conv_([AB])\.([2-4])\.conv\.2": "domains.{0}.{1}.layers.2",
        r"conv_([AB])\.([2-4])\.conv\.4\.1": "domains.{0}.{1}.layers.5",
        r"conv_([AB])\.([2-4])\.shortcut\.1": "domains.{0}.{1}.shortcut.1",
        r"fc_([AB])\.0": "mean.{0}",
        r"fcVar_([AB])\.0": "log_variance.{0}",
    },
    "transform": {r"model_([ab])\.(1|4|7|10|13|16)": "domains.{0}.{1}"},
}
TRANSFORM_BLOCKS = {
    rf"dec([AB]){block + 1}\.{public}": f"domains.{{0}}.blocks.{block}.{key}"
    for block in range(4)
    for public, key in ((r"conv([12])\.0\.1", "conv{1}.1"), (r"blk([12])\.([02])", "mix{1}.{2}"))
}
GEN = {
    "concat": {
        r"dec_share\.0\.model\.([15])": "shared.layers.{0}",
        r"dec([AB])1\.(\d+)\.model\.([15])": "domains.{0}.blocks.{1}.layers.{2}",
        r"dec([AB])2\.0\.model\.([01])": "domains.{0}.up1.{1}",
        r"dec([AB])3\.0\.model\.([01])": "domains.{0}.up2.{1}",
        r"dec([AB])4\.0": "domains.{0}.image.0",
    },
    "transform": {
        r"mlp([AB])\.([024])": "domains.{0}.styles.{1}",
        **TRANSFORM_BLOCKS,
        r"dec([AB])5\.0\.model\.([01])": "domains.{0}.up1.{1}",
        r"dec([AB])5\.1\.model\.([01])": "domains.{0}.up2.{1}",
        r"dec([AB])5\.2": "domains.{0}.image.0",
    },
}
FIRST = "content_encoder.domains.a.0.1.weight"
BLOCK = re.compile(r"content_encoder\.domains\.a\.(\d+)\.layers\.1\.weight")

Network = Mapping[str, Tensor]


def convert_checkpoint(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict with the names of this package, of encoders and generators of both domains.

    Args:
        tensors: the content of a file, which may be wrapped (see `unwrapped`).
    Raises:
        UsageError: the tensors are not a checkpoint of that code.
    """
    content = unwrapped(tensors)
    networks = {name: content[name] for name in NETWORKS if _is_network(content.get(name))}
    if len(networks) < len(NETWORKS):
        raise UsageError(f"DRIT checkpoint: {first_keys(content)} was found; expected {EXPECTED}.")
    form = "transform" if any(key.startswith("model_") for key in networks["enc_a"]) else "concat"
    state: dict[str, Tensor] = {}
    for name, patterns in (("enc_c", ENC_C), ("enc_a", ENC_A[form]), ("gen", GEN[form])):
        state |= _renamed(name, networks[name], patterns, form)
    blocks = len({match[1] for key in state if (match := BLOCK.fullmatch(key))})
    if FIRST not in state or blocks == 0:
        raise UsageError(f"DRIT checkpoint: enc_c has {first_keys(networks['enc_c'])}; expected {EXPECTED}.")
    return {"form": form, "channels": len(state[FIRST]), "blocks": blocks}, state


def _is_network(network: Any) -> bool:
    """True for a state dict that is not empty."""
    is_dict = isinstance(network, Mapping) and bool(network)
    return is_dict and all(isinstance(tensor, Tensor) for tensor in network.values())


def _renamed(name: str, network: Network, patterns: Mapping[str, str], form: str) -> dict[str, Tensor]:
    """The tensors of a public network with the keys of this package.

    Raises:
        UsageError: a key is unknown.
    """
    state = {}
    for key, tensor in network.items():
        layer, _, kind = key.rpartition(".")
        matches = ((re.fullmatch(pattern, layer), template) for pattern, template in patterns.items())
        match, template = next((pair for pair in matches if pair[0]), (None, ""))
        if match is None or kind not in ("weight", "bias"):
            raise UsageError(
                f"DRIT checkpoint: {name} has the unknown key {key} for the form {form} of enc_a; expected {EXPECTED}."
            )
        place = template.format(*(group.lower() for group in match.groups()))
        # Layer norm has its gamma and beta in the shape (c, 1, 1).
        is_norm = tensor.dim() == 3
        state[f"{NETWORKS[name]}.{place}.{kind}"] = tensor.flatten() if is_norm else tensor
    return state
