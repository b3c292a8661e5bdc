"""Which files of weights a request needs, so that they can be found, or downloaded, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ugbench.metric import Metric
from ugbench.registry import load_metric
from ugbench.scoring.inputs import networks_of
from ugbench.scoring.networks.network_set import Networks, Role
from ugbench.scoring.networks.search import with_found
from ugbench.scoring.networks.sources import LPIPS_WEIGHTS, STRUCTURE_WEIGHTS, find_source
from ugbench.scoring.request import EvalRequest, if_found

ALWAYS = ("kid", "fid")  # the metrics that are always computed if none is named; their weights are needed


def needed_weights(request: EvalRequest) -> tuple[str, ...]:
    """The names, as in `--weights NAME=FILE`, of the files without which a request cannot be scored.

    Metrics that a data set cannot have count too.

    Raises:
        UnknownName: there is no such metric.
        NotLoadable: an extractor cannot be imported.
    """
    return _of_metrics(request.metrics or request.protocol.metrics or ALWAYS, request.networks)


def welcome_weights(request: EvalRequest, has_sources: bool = True) -> tuple[str, ...]:
    """The names of further files that add metrics to a request which names no metrics.

    Args:
        has_sources: the source of each output is known.
    """
    if request.metrics or request.protocol.metrics:
        return ()
    return _of_metrics(if_found(has_sources), request.networks)


def extractor_weights(networks: Networks) -> tuple[str, ...]:
    """The name of the file that the chosen extractor needs; empty if it needs none."""
    name = networks.extractor_name
    return () if find_source(name) is None else (name,)


def with_found_weights(request: EvalRequest, log: Callable[[str], None]) -> EvalRequest:
    """The request with the files that are found for the weights that it needs, or that add metrics to it.

    Args:
        log: receives a sentence for each file that is there and not used.
    Raises:
        UsageError: UGBENCH_WEIGHTS names no folder.
    """
    networks = request.networks
    files = with_found(networks.weights, [*needed_weights(request), *welcome_weights(request)], log)
    return replace(request, networks=replace(networks, weights=files))


def _of_metrics(metric_names: tuple[str, ...], networks: Networks) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for metric in map(load_metric, metric_names):
        for role in sorted(networks_of(metric)):
            names |= dict.fromkeys(_of_role(role, metric, networks))
    return tuple(names)


def _of_role(role: Role, metric: Metric, networks: Networks) -> tuple[str, ...]:
    if role == "lpips":
        return (LPIPS_WEIGHTS[networks.lpips_net],)
    if role == "structure":
        return (STRUCTURE_WEIGHTS,)
    if metric.extractor is None:
        return extractor_weights(networks)
    return () if find_source(metric.extractor) is None else (metric.extractor,)
