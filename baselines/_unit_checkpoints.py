"""Converts generators of the authors' re-release of UNIT (mingyuliutw/UNIT, 2018-05 and later).

Its `gen_########.pt` is a dict of two state dicts, `a` and `b`. Each holds an encoder and a decoder.
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
    "the networks a and b of one gen_########.pt, with keys such as enc.model.0.conv.weight and dec.model.5.conv.weight"
)
# Positions, in the networks of this package, of the encoder's convolutions before its residual blocks, and of the
# decoder's layers after them.
ENCODER = {"0.conv": 1, "1.conv": 5, "2.conv": 9}
DECODER = {"2.conv": 2, "2.norm": 3, "4.conv": 7, "4.norm": 8, "5.conv": 11}
FIRST_BLOCK = 12  # position of the first block in an encoder; in a decoder it is 0
BLOCK = re.compile(r"(?:enc\.model\.3|dec\.model\.0)\.model\.(\d+)\.model\.([01])\.conv\.(weight|bias)")
LAYER = re.compile(r"(enc|dec)\.model\.(\d\.(?:conv|norm))\.(weight|bias|gamma|beta)")


def convert_checkpoint(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields, and a state dict with the names of this package, from both domains' encoders and decoders.

    Args:
        tensors: the state dicts `a` and `b`, which may be wrapped (see `ugbench.nn.state_dicts.unwrapped`).
    Raises:
        UsageError: the tensors are not a checkpoint of that code.
    """
    networks = networks_of_domains(tensors, "UNIT", EXPECTED)
    state: dict[str, Tensor] = {}
    for domain, network in networks.items():
        state |= _renamed(domain, network)
    first_weight = state.get("encoder_a.1.weight")
    blocks = _blocks(networks["a"], "enc.model.3.")
    if first_weight is None or blocks == 0:
        raise UsageError(f"UNIT checkpoint: a has {first_keys(networks['a'])}; expected {EXPECTED}.")
    return {"channels": len(first_weight), "blocks": blocks}, state


def _renamed(domain: str, network: Network) -> dict[str, Tensor]:
    """The tensors of a domain's encoder and decoder with the keys of this package.

    Raises:
        UsageError: a key is unknown.
    """
    state = {}
    decoder_blocks = _blocks(network, "dec.model.0.")
    for key, tensor in network.items():
        part, first_block = ("encoder", FIRST_BLOCK) if key.startswith("enc.") else ("decoder", 0)
        if match := BLOCK.fullmatch(key):
            block, layer, name = match.groups()
            state[f"{part}_{domain}.{first_block + int(block)}.layers.{1 + 4 * int(layer)}.{name}"] = tensor
            continue
        match = LAYER.fullmatch(key)
        positions = ENCODER
        if part == "decoder":
            positions = {layer: decoder_blocks + position for layer, position in DECODER.items()}
        if match is None or match[2] not in positions:
            hint = "; a dis_########.pt holds discriminators" if key.startswith("cnns.") else ""
            raise UsageError(f"UNIT checkpoint: {domain} has the unknown key {key}; expected {EXPECTED}{hint}.")
        state[f"{part}_{domain}.{positions[match[2]]}.{match[3]}"] = tensor
    return state


def _blocks(network: Network, prefix: str) -> int:
    """The number of residual blocks in the part of a network with this prefix of its keys."""
    return len({match[1] for key in network if key.startswith(prefix) and (match := BLOCK.fullmatch(key))})
