"""What a training is asked for, and what follows from that alone: its config, folders, and files of weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ugbench import registry
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.places import PlaceOption
from ugbench.data.progress import Progress
from ugbench.data.training_images import (
    TrainingFolders,
    training_folders,
)
from ugbench.device import pick_precision
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.fit import SQUASH
from ugbench.limits import LARGEST_SEED
from ugbench.method import Method, MethodConfig
from ugbench.nn.across_ranks import ALONE, Ranks
from ugbench.runs.run import DatasetRecord, RunConfig
from ugbench.training.execution import Execution
from ugbench.training.frozen import needed_files, read_frozen
from ugbench.training.start import StartOptions

# The name of a method without a variant on the command line; records hold null.
BASE = "full"


@dataclass(frozen=True)
class Request:
    """The options of `ugbench train`.

    Attributes:
        results: the folder of the runs.
        data_root: the folder of the data sets that are known by name.
        overrides: values of config fields that replace those of the preset and the variant.
        weights: the files of the method's frozen networks, by their names for `--weights`.
        start: where the run starts, if it does not start from new weights.
        skip_bad: leave out images that cannot be read.
        images: where the images are stored while the run trains.
        jobs: trainings that share this machine, this one included.
        ranks: the processes that train the run together; not a part of the run's id.
        restart: begin again at step 0; `loop.train` then removes what an earlier training of the run wrote.
        execution: how steps are computed; not a part of the run's id.
    """

    method: str
    dataset: str
    results: Path
    data_root: Path
    device: torch.device
    preset: str = "paper"
    variant: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    direction: Direction | None = None
    precision: str = "auto"
    weights: Mapping[str, Path] = field(default_factory=dict)
    start: StartOptions = field(default_factory=StartOptions)
    skip_bad: bool = False
    images: PlaceOption = "auto"
    jobs: int = 1
    restart: bool = False
    ranks: Ranks = ALONE
    execution: Execution = field(default_factory=Execution)

    def __post_init__(self) -> None:
        """Raise UsageError for a seed that no config may hold; a study, too, makes a request for each of its runs."""
        if not 0 <= self.seed <= LARGEST_SEED:
            raise UsageError(f"--seed {self.seed}: give a number from 0 to {LARGEST_SEED:,}.")


def scored_images(request: Request, progress: Progress | None = None) -> tuple[DataSet, Transform]:
    """The data set of the run, and the transform that its test images go through before outputs are scored.

    Args:
        progress: called after each image of a dial that is drawn.
    Raises:
        UsageError or a subclass: an unknown name, a config value, or a data set.
    """
    config = method_config(request, registry.load_method(request.method))
    return resolve(request.dataset, request.data_root, progress), Transform(config.size, config.fit)


def needed_weights(request: Request) -> tuple[str, ...]:
    """The names, as in `--weights NAME=FILE`, of the files that the method that is asked for needs.

    Raises:
        UsageError or a subclass: an unknown name, or a config value.
    """
    method = registry.load_method(request.method)
    return needed_files(request.method, method_config(request, method)) if method.frozen else ()


def requested_frozen(request: Request) -> dict[str, Tensor]:
    """The weights of the frozen networks of the method that is asked for, by their names in the method.

    Raises:
        UsageError or a subclass: an unknown name, a config value or a file of weights.
    """
    if not request.weights and not registry.load_method(request.method).frozen:
        return {}
    return read_frozen(request.method, method_config(request, registry.load_method(request.method)), request.weights)


def needed_folders(request: Request) -> TrainingFolders:
    """The folders that the method reads, in the direction of the run.

    Raises:
        UsageError or a subclass: there is no such method, it does not learn that direction, or one of its splits
            cannot have its name.
    """
    method = registry.load_method(request.method)
    exchanged = _direction(request, method) == "B2A"
    config = method_config(request, method) if method.splits else None
    size = None if config is None else config.training_size
    fit = SQUASH if config is None else config.fit
    try:
        return training_folders(method.splits, method.paired, exchanged, size, fit)
    except ValueError as error:
        raise UsageError(f"splits of {request.method}: {error}.") from None


def run_config(request: Request, dataset: DatasetRecord, frozen: Mapping[str, str]) -> RunConfig:
    """The config of the run that `prepare` opens, which decides its id.

    Args:
        frozen: digests of the weights of `requested_frozen`, by network.
    Raises:
        UsageError or a subclass: as in `prepare`.
    """
    method = registry.load_method(request.method)
    config = method_config(request, method)
    new = RunConfig(
        method=request.method,
        variant=_variant(request),
        preset=request.preset,
        config=config.resolved(dataset.images["trainA"], dataset.images["trainB"]).model_dump(),
        dataset=dataset,
        direction=_direction(request, method),
        seed=request.seed,
        precision=pick_precision(request.precision, request.device),
        frozen=dict(frozen),
    )
    return request.start.recorded_in(new, request.results)


def _variant(request: Request) -> str | None:
    return None if request.variant == BASE else request.variant


def method_config(request: Request, method: type[Method]) -> MethodConfig:
    """The config of the method, before its steps are resolved."""
    return method.make_config(request.preset, _variant(request), request.overrides)


def _direction(request: Request, method: type[Method]) -> Direction | None:
    """The direction of the run; None if the method learns both."""
    if len(method.directions) == 1:
        return request.direction or method.directions[0]
    if request.direction is not None:
        raise UsageError(
            f"--direction {request.direction}: {request.method} learns both directions at once; leave it out."
        )
    return None
