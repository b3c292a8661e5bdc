"""The weights of a method's frozen networks: from the files of `--weights NAME=FILE` into the networks of a training.

A run's config has a digest of them (`RunConfig.frozen`), so a run goes on with equal weights only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ugbench import registry
from ugbench.errors import UnknownName, UsageError, WeightsError
from ugbench.method import Method, MethodConfig
from ugbench.nn.weight_files import digest, given, part_for, read_weight_file


def needed_files(name: str, config: MethodConfig) -> tuple[str, ...]:
    """The names, as in `--weights NAME=FILE`, of the files that a method needs with this config.

    Args:
        name: the method's registered name.
    Raises:
        UnknownName: the method is not installed.
    """
    method = registry.load_method(name)
    if not method.frozen:
        return ()
    with torch.device("meta"):
        return tuple(dict.fromkeys(method.frozen[child] for child in method(config).frozen_networks()))


def read_frozen(name: str, config: MethodConfig, weights: Mapping[str, Path]) -> dict[str, Tensor]:
    """The weights of the frozen networks that a method has with this config, by their names in the method.

    Args:
        name: the method's registered name.
        weights: given or found files by name. A file may hold more than its network needs.
    Returns:
        The tensors on the CPU; none if the method has no frozen networks.
    Raises:
        UnknownName: the method is not installed, or has no frozen network with such a name for `--weights`.
        UsageError: weights are given, and the method has no frozen networks.
        WeightsError: there is no file of a network, or it cannot be read, or holds another network.
    """
    method = registry.load_method(name)
    for option, file in weights.items():
        if not method.frozen:
            raise UsageError(f"{given(option, file)}: {name} has no frozen networks; leave the option out.")
        if option not in method.frozen.values():
            raise UnknownName(f"frozen network of {name} (--weights)", option, set(method.frozen.values()))
    if not method.frozen:
        return {}
    with torch.device("meta"):
        networks = method(config).frozen_networks()
    files: dict[str, dict[str, Tensor]] = {}
    tensors: dict[str, Tensor] = {}
    for child, network in networks.items():
        option = method.frozen[child]
        if option not in weights:
            raise WeightsError(
                f"the weights of '{option}' were not found, and {name} needs them for its frozen network {child}; give "
                f"--weights {option}=FILE; `ugbench weights list` names files that can be downloaded."
            )
        if option not in files:
            files[option] = read_weight_file(option, weights[option], f"the weights of {child} of {name}")
        part = part_for(network, files[option], given(option, weights[option]))
        tensors |= {f"{child}.{key}": tensor for key, tensor in part.items()}
    return tensors


def frozen_digests(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """The digest of the weights of each frozen network, for `RunConfig.frozen`.

    Args:
        tensors: from `read_frozen`.
    """
    networks: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        child, _, key = name.partition(".")
        networks.setdefault(child, {})[key] = tensor
    return {child: digest(state) for child, state in networks.items()}


def fill_frozen(method: Method, tensors: Mapping[str, Tensor]) -> None:
    """Give the frozen networks of a method their weights.

    Args:
        tensors: from `read_frozen`.
    Raises:
        WeightsError: there are none for one of its frozen networks.
    """
    given_networks = {name.partition(".")[0] for name in tensors}
    for child, network in method.frozen_networks().items():
        if network.state_dict() and child not in given_networks:
            raise WeightsError(
                f"the frozen network {child} has no weights; give --weights {method.frozen[child]}=FILE."
            )
    method.load_state_dict(dict(tensors), strict=False)
