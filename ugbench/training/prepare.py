"""Everything that happens before the first training step: the run's config and folder, and its images in memory.

Resuming from a checkpoint is part of the loop (loop.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ugbench import registry
from ugbench.data.batches import training_size
from ugbench.data.check import check_training_images
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet
from ugbench.data.progress import Progress
from ugbench.data.splits import TEST, TRAIN, Split
from ugbench.data.tensors import load_images
from ugbench.device import pick_precision
from ugbench.direction import Direction
from ugbench.errors import DataError, UsageError
from ugbench.runs.reset import reset
from ugbench.runs.run import DatasetRecord, Run, RunConfig, dataset_folder, open_run, record_dataset
from ugbench.training.loop import Images
from ugbench.training.start import Start, StartOptions

SAMPLES = 4  # images of each domain in a sample grid
# The name of a method without a variant on the command line; records hold null.
BASE = "full"


@dataclass(frozen=True)
class Request:
    """The options of `ugbench train`.

    Attributes:
        results: the folder of the runs.
        data_root: the folder of the data sets that are known by name.
        overrides: values of config fields that replace those of the preset and the variant.
        start: where the run starts, if it does not start from new weights.
        skip_bad: leave out images that cannot be read.
        restart: remove what an earlier training of the run wrote.
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
    start: StartOptions = field(default_factory=StartOptions)
    skip_bad: bool = False
    restart: bool = False


def prepare(
    request: Request,
    log: Callable[[str], None] = lambda _text: None,
    progress: Progress | None = None,
) -> tuple[Run, Images, Start]:
    """Check everything that the first step needs, load the images and open the run's folder.

    Nothing is written under the results folder before all checks are done.

    Args:
        log: called with a sentence for each image that is left out.
        progress: called after each image.
    Returns:
        The run, its images, and what it takes from another run when it begins.
    Raises:
        UsageError or a subclass: an unknown name, a config value, an unreadable image or a wrong direction.
    """
    dataset = resolve(request.dataset, request.data_root, progress)
    readable, skipped = check_training_images(dataset, request.skip_bad, progress)
    for name in skipped:
        log(f"{name} cannot be read and is skipped.")
    config_of_run = run_config(request, record_dataset(dataset, readable, skipped))
    size = config_of_run.method_config().size
    folder = dataset_folder(request.results, dataset, make=False)
    start = _start(request, Run(folder / config_of_run.folder, config_of_run), log)
    both = load_images([*readable["trainA"], *readable["trainB"]], training_size(size), progress)
    a, b = both.tensor_split((len(readable["trainA"]),))
    samples = {domain: _sample_images(dataset, domain, readable, size, log) for domain in ("A", "B")}
    run = open_run(dataset_folder(request.results, dataset), config_of_run)
    if request.restart:
        reset(run)
    return run, Images(a, b, samples), start


def run_config(request: Request, dataset: DatasetRecord) -> RunConfig:
    """The config of the run that `prepare` opens, which decides its id.

    Raises:
        UsageError or a subclass: as in `prepare`.
    """
    method = registry.load_method(request.method)
    variant = None if request.variant == BASE else request.variant
    config = method.make_config(request.preset, variant, request.overrides)
    if request.direction is not None and len(method.directions) > 1:
        raise UsageError(
            f"--direction {request.direction}: {request.method} learns both directions at once; leave it out."
        )
    new = RunConfig(
        method=request.method,
        variant=variant,
        preset=request.preset,
        config=config.resolved(dataset.images["trainA"], dataset.images["trainB"]).model_dump(),
        dataset=dataset,
        direction=request.direction or method.directions[0] if len(method.directions) == 1 else None,
        seed=request.seed,
        precision=pick_precision(request.precision, request.device),
    )
    return request.start.recorded_in(new, request.results)


def _start(request: Request, run: Run, log: Callable[[str], None]) -> Start:
    """What the run takes from another one; nothing if it has a checkpoint to go on from."""
    if run.checkpoint_steps() and not request.restart:
        request.start.log_newer_step(run.config, request.results, log)
        return Start()
    return request.start.load(run.config, request.results, log)


def _sample_images(
    dataset: DataSet, domain: str, readable: Mapping[Split, Sequence[Path]], size: int, log: Callable[[str], None]
) -> Tensor:
    """The first readable test images of a domain, or training images if there are none.

    Training does not depend on test images, so a damaged one is left out with a sentence to `log`.
    """
    split = TEST[domain]
    images: list[Tensor] = []
    for path in dataset.split(split) if dataset.has(split) else []:
        try:
            images.append(load_images([path], size))
        except DataError:
            log(f"{split}/{path.name} cannot be read and is not shown in samples.")
        if len(images) == SAMPLES:
            break
    return torch.cat(images) if images else load_images(readable[TRAIN[domain]][:SAMPLES], size)
