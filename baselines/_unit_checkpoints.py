"""Reads generators that the authors' re-release of UNIT (mingyuliutw/UNIT, 2018-05 and later) wrote.

Its `gen_########.pt` is a dict of two state dicts, `a` and `b`, each an encoder and a decoder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ugbench.method import UsageError

EXPECTED = (
    "the networks a and b of one gen_########.pt, with keys such as enc.model.0.conv.weight and dec.model.5.conv.weight"
)
# Positions of an encoder's convolutions before its blocks, and of what follows a decoder's blocks, in our networks.
ENCODER = {"0.conv": 1, "1.conv": 5, "2.conv": 9}
DECODER = {"2.conv": 2, "2.norm": 3, "4.conv": 7, "4.norm": 8, "5.conv": 11}
FIRST_BLOCK = 12  # of an encoder; a decoder's is 0
BLOCK = re.compile(r"(?:enc\.model\.3|dec\.model\.0)\.model\.(\d+)\.model\.([01])\.conv\.(weight|bias)")
LAYER = re.compile(r"(enc|dec)\.model\.(\d\.(?:conv|norm))\.(weight|bias|gamma|beta)")

Network = Mapping[str, Tensor]


def read_public(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Config fields and a state dict, in our names, of both domains' encoders and decoders.

    Args:
        tensors: state dicts `a` and `b`.
    Raises:
        UsageError: the tensors are of another kind; names what was found and what was expected.
    """
    if tensors.keys() != {"a", "b"} or not all(_is_network(network) for network in tensors.values()):
        raise UsageError(f"UNIT checkpoint: {_some(tensors)} was found; expected {EXPECTED}.")
    state: dict[str, Tensor] = {}
    for domain, network in tensors.items():
        state |= _own_keys(domain, network)
    first = state.get("encoder_a.1.weight")
    blocks = _blocks(tensors["a"], "enc.model.3.")
    if first is None or blocks == 0:
        raise UsageError(f"UNIT checkpoint: a has {_some(tensors['a'])}; expected {EXPECTED}.")
    return {"channels": len(first), "blocks": blocks}, state


def _is_network(network: Any) -> bool:
    return isinstance(network, Mapping) and all(isinstance(tensor, Tensor) for tensor in network.values())


def _own_keys(domain: str, public: Network) -> dict[str, Tensor]:
    """A domain's tensors by our keys.

    Raises:
        UsageError: a key that these networks do not have.
    """
    own = {}
    blocks = _blocks(public, "dec.model.0.")
    for key, tensor in public.items():
        # PyTorch 0.3 stored statistics of instance norm that were never used.
        if key.endswith(("running_mean", "running_var", "num_batches_tracked")):
            continue
        coder, first = ("encoder", FIRST_BLOCK) if key.startswith("enc.") else ("decoder", 0)
        if found := BLOCK.fullmatch(key):
            block, layer, kind = found.groups()
            own[f"{coder}_{domain}.{first + int(block)}.layers.{1 + 4 * int(layer)}.{kind}"] = tensor
            continue
        found = LAYER.fullmatch(key)
        layers = ENCODER if coder == "encoder" else {name: blocks + place for name, place in DECODER.items()}
        if found is None or found[2] not in layers:
            hint = "; a dis_########.pt holds discriminators" if key.startswith("cnns.") else ""
            raise UsageError(f"UNIT checkpoint: {domain} has the unknown key {key}; expected {EXPECTED}{hint}.")
        own[f"{coder}_{domain}.{layers[found[2]]}.{found[3]}"] = tensor
    return own


def _blocks(public: Network, start: str) -> int:
    """How many residual blocks lie under keys that start so."""
    return len({found[1] for key in public if key.startswith(start) and (found := BLOCK.fullmatch(key))})


def _some(keys: Mapping[str, Any]) -> str:
    """The first keys, for a sentence."""
    names = [str(key) for key in keys]
    return (", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")) or "nothing"
