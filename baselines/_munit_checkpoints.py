"""Converts generators of the authors' code of MUNIT (NVlabs/MUNIT).

Its `gen_########.pt` is a dict of two state dicts, `a` and `b`. Each holds a content encoder, a style encoder, a
decoder, and the MLP of the decoder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from baselines._gen_files import Network, networks_of_domains
from ugbench.method import UsageError
from ugbench.nn.state_dicts import first_keys

EXPECTED = (
    "the networks a and b of one gen_########.pt, with keys such as enc_content.model.0.conv.weight and "
    "mlp.model.0.fc.weight"
)
# The layers of that code, with their names in the networks of this package.
STYLE_ENCODER = {f"model.{layer}.conv": str(1 + 3 * layer) for layer in range(5)} | {"model.6": "16"}
CONTENT_ENCODER = {"model.0.conv": "1", "model.1.conv": "5", "model.2.conv": "9"}
FIRST_BLOCK = 12  # position of the first residual block in a content encoder
DECODER = {
    "model.2.conv": "image.2",
    "model.2.norm": "image.3",
    "model.4.conv": "image.7",
    "model.4.norm": "image.8",
    "model.5.conv": "image.11",
}
MLP = {f"model.{layer}.fc": f"mlp.{2 * layer}" for layer in range(3)}
BLOCK = re.compile(r"(?:enc_content\.model\.3|dec\.model\.0)\.model\.(\d+)\.model\.[01]\.conv\.(?:weight|bias)")


def convert_checkpoint(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict with the names of this package, from the generators of both domains.

    Args:
        tensors: the state dicts `a` and `b`, which may be wrapped (see `ugbench.nn.state_dicts.unwrapped`).
    Raises:
        UsageError: the tensors are not a checkpoint of that code.
    """
    networks = networks_of_domains(tensors, "MUNIT", EXPECTED)
    state: dict[str, Tensor] = {}
    for domain, network in networks.items():
        names = _names(domain, _blocks(network))
        for key, tensor in network.items():
            layer, _, kind = key.rpartition(".")
            if layer not in names:
                hint = "; a dis_########.pt holds discriminators" if key.startswith("cnns.") else ""
                raise UsageError(f"MUNIT checkpoint: {domain} has the unknown key {key}; expected {EXPECTED}{hint}.")
            state[f"{names[layer]}.{kind}"] = tensor
    first_weight, mlp_weight = state.get("content_encoder_a.1.weight"), state.get("decoder_a.mlp.0.weight")
    blocks = _blocks(networks["a"])
    if first_weight is None or mlp_weight is None or blocks == 0:
        raise UsageError(f"MUNIT checkpoint: a has {first_keys(networks['a'])}; expected {EXPECTED}.")
    return {"channels": len(first_weight), "mlp_width": len(mlp_weight), "blocks": blocks}, state


def _blocks(network: Network) -> int:
    """The number of residual blocks; the larger number, if the content encoder and the decoder differ."""
    return len({match[1] for key in network if (match := BLOCK.fullmatch(key))})


def _names(domain: str, blocks: int) -> dict[str, str]:
    """The layers of a domain's generator in that code, with their names in the state dict of the method.

    Args:
        blocks: number of residual blocks.
    """
    encoder, decoder = dict(CONTENT_ENCODER), dict(DECODER)
    for block in range(blocks):
        for layer, name in enumerate(("first", "second")):
            encoder[f"model.3.model.{block}.model.{layer}.conv"] = f"{FIRST_BLOCK + block}.layers.{1 + 4 * layer}"
            decoder[f"model.0.model.{block}.model.{layer}.conv"] = f"blocks.{block}.{name}.1"
    parts = (
        ("enc_style", f"style_encoder_{domain}", STYLE_ENCODER),
        ("enc_content", f"content_encoder_{domain}", encoder),
        ("dec", f"decoder_{domain}", decoder),
        ("mlp", f"decoder_{domain}", MLP),
    )
    return {f"{theirs}.{layer}": f"{ours}.{name}" for theirs, ours, part in parts for layer, name in part.items()}
