"""Reads `gen_########.pt` of the authors' codes of UNIT and MUNIT: a dict of two state dicts, `a` and `b`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ugbench.method import UsageError
from ugbench.nn.state_dicts import first_keys, unwrapped

Network = Mapping[str, Tensor]


def networks_of_domains(tensors: Mapping[str, Any], method: str, expected: str) -> dict[str, Network]:
    """The state dicts of the generators of both domains, by "a" and "b".

    Statistics of norms are left out. PyTorch 0.3 stored those of instance norm, and MUNIT's code stores constants in
    their place; neither is ever used.

    Args:
        tensors: the content of the file; the state dicts may be wrapped (see `unwrapped`).
        method: the name of the method, for the error message.
        expected: what a file holds, for the error message.
    Raises:
        UsageError: a domain is missing, or holds no state dict.
    """
    content = unwrapped(tensors)
    networks = {domain: content[domain] for domain in ("a", "b") if _is_network(content.get(domain))}
    if len(networks) < 2:
        raise UsageError(f"{method} checkpoint: {first_keys(content)} was found; expected {expected}.")
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return {
        domain: {key: tensor for key, tensor in network.items() if not key.endswith(statistics)}
        for domain, network in networks.items()
    }


def _is_network(network: Any) -> bool:
    """True for a state dict."""
    return isinstance(network, Mapping) and all(isinstance(tensor, Tensor) for tensor in network.values())
