"""Prepares the scores of checkpoints while a run trains, also for the command line: checks all that they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from ugbench import registry
from ugbench.data.progress import Progress
from ugbench.scoring.cache import Cache
from ugbench.scoring.needed_weights import extractor_weights
from ugbench.scoring.networks.network_set import make_networks
from ugbench.scoring.request import EvalRequest, metrics_for
from ugbench.scoring.requirements import check_can_score
from ugbench.scoring.while_training import request_while_training
from ugbench.training.request import Request, needed_weights, scored_images

Find = Callable[[Mapping[str, Path], Sequence[str]], Mapping[str, Path]]
"""Takes the given files by name, and the names of the files that are needed; returns the given and found files."""


def with_scoring(
    request: Request, extractor: str, cache: Cache, find: Find, bar: Callable[[str], AbstractContextManager[Progress]]
) -> tuple[Request, EvalRequest]:
    """The training with the weights of its frozen networks, and how its checkpoints are scored; both are complete.

    Args:
        request: the training; its weights are the files that the user gave, also that of the extractor.
        cache: the cache of features.
        bar: shows progress under a title.
    Raises:
        UnknownName: there is no such extractor, or no such network for a file.
        WeightsError: the extractor has no file of weights, or a wrong one.
        UsageError: the data set has no test images, too few, or one that cannot be read.
    """
    frozen = set(registry.load_method(request.method).frozen.values())
    networks = make_networks(extractor, request.weights, request.device, frozen_names=frozen)
    files = find(request.weights, (*needed_weights(request), *extractor_weights(networks)))
    scoring = request_while_training(replace(networks, weights=files), cache)
    request = replace(request, weights={name: file for name, file in files.items() if name in frozen})
    with bar("checking test images") as progress:
        dataset, transform = scored_images(request, progress)
        check_can_score(scoring, dataset, metrics_for(scoring, dataset), transform, progress)
    return request, scoring
