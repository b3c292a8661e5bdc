"""What a call of the Python API asks to be scored, as the scoring layer takes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ugbench import registry
from ugbench.api.arguments import WeightFiles, names, weight_files
from ugbench.api.shown import warn
from ugbench.device import pick_devices
from ugbench.errors import DiskErrors
from ugbench.scoring.cache import Cache, default_folder
from ugbench.scoring.needed_weights import with_found_weights
from ugbench.scoring.networks.network_set import make_networks
from ugbench.scoring.networks.search import with_found
from ugbench.scoring.protocols import TARGET, find_protocol
from ugbench.scoring.request import EvalRequest


def make_request(
    metrics: str | Iterable[str] | None,
    extractor: str,
    weights: WeightFiles | None,
    lpips_net: str,
    protocol: str | None,
    device: str,
    log: Callable[[str], None],
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    frozen_names: Collection[str] = (),
) -> EvalRequest:
    """The request of one evaluation, with the files of weights that are given or found; no network is loaded yet.

    Args:
        frozen_names: names of networks that methods use and do not train; their files are given or found too.
    Raises:
        UnknownName: there is no such metric, protocol, extractor or network.
        UsageError: a file of weights does not exist, or there is no such device.
    """
    first, *further = pick_devices(device)
    networks = make_networks(extractor, weight_files(weights), first, lpips_net, frozen_names, further)
    networks = replace(networks, weights=with_found(networks.weights, frozen_names, log))
    for name in names(metrics):
        registry.load_metric(name)
    named = TARGET if protocol is None else find_protocol(protocol)
    request = EvalRequest(names(metrics), networks, named, settings or {}, cache=Cache(default_folder(), log))
    return with_found_weights(request, log)


def warn_of_unwritten(unwritten: DiskErrors) -> None:
    """Say what could not be written, by Python's logging. The scores are returned all the same."""
    for sentence in dict.fromkeys(map(str, unwritten.errors)):
        warn(sentence)
