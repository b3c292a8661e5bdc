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
from ugbench.errors import DataError, RunError, UsageError
from ugbench.method import Method
from ugbench.runs import checkpoint
from ugbench.runs.run import DatasetRecord, Run, RunConfig, dataset_folder, find_run, open_run, record_dataset
from ugbench.training.loop import Images

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
        skip_bad: leave out images that cannot be read.
        restart: begin again at step 0; `loop.train` then removes what an earlier training of the run wrote.
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
    init_from: str | None = None
    skip_bad: bool = False
    restart: bool = False


def prepare(
    request: Request,
    log: Callable[[str], None] = lambda _text: None,
    progress: Progress | None = None,
) -> tuple[Run, Images | None, Mapping[str, Tensor] | None]:
    """Check everything that the first step needs, load the images and open the run's folder.

    The folder comes last, so that a call that is refused leaves no run behind. A finished run is only opened: its
    images are not loaded, and images that an earlier call has read are not decoded.

    Args:
        log: called with a sentence for each image that is left out, and for each split that uses little of its range.
        progress: called after each image.
    Returns:
        The run; its images, None if there is nothing left to train; and a state dict to start from (None for random
        weights).
    Raises:
        UsageError or a subclass: an unknown name, a config value, an unreadable image or a wrong direction.
    """
    dataset = resolve(request.dataset, request.data_root, progress)
    readable, skipped = check_training_images(dataset, request.skip_bad, progress, log)
    for name in skipped:
        log(f"{name} cannot be read and is skipped.")
    config_of_run = run_config(request, record_dataset(dataset, readable, skipped))
    stored = Run(dataset_folder(request.results, dataset, make=False) / config_of_run.folder, config_of_run)
    if not request.restart and _is_finished(stored):
        return stored, None, None
    method, config = registry.load_method(request.method), config_of_run.method_config()
    source = find_run(request.init_from, request.results) if request.init_from else None
    both = load_images([*readable["trainA"], *readable["trainB"]], training_size(config.size), progress)
    a, b = both.tensor_split((len(readable["trainA"]),))
    samples = {domain: _sample_images(dataset, domain, readable, config.size, log) for domain in ("A", "B")}
    initial = _initial(source, method, config)
    run = open_run(dataset_folder(request.results, dataset), config_of_run)
    return run, Images(a, b, samples), initial


def _is_finished(run: Run) -> bool:
    """Whether the loop would find nothing to do: an undamaged checkpoint of the last step, its weights, method.json."""
    return (
        run.is_done()
        and run.method_file.exists()
        and checkpoint.generators_step(run.generators_file) == run.step()
        and checkpoint.is_intact(run.checkpoint(run.step()))
    )


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
    return RunConfig(
        method=request.method,
        variant=variant,
        preset=request.preset,
        config=config.resolved(dataset.images["trainA"], dataset.images["trainB"]).model_dump(),
        dataset=dataset,
        direction=request.direction or method.directions[0] if len(method.directions) == 1 else None,
        seed=request.seed,
        precision=pick_precision(request.precision, request.device),
        init_from=find_run(request.init_from, request.results).id if request.init_from else None,
    )


def _sample_images(
    dataset: DataSet, domain: str, readable: Mapping[Split, Sequence[Path]], size: int, log: Callable[[str], None]
) -> Tensor:
    """The first readable test images of a domain, or training images if there are none.

    Training does not depend on these images, so one that cannot be read is left out with a sentence to `log`.
    """
    test = TEST[domain]
    paths = dataset.split(test) if dataset.has(test) else []
    images = _readable_images(paths, size, log) or _readable_images(readable[TRAIN[domain]], size, log)
    return torch.cat(images) if images else torch.empty((0, 3, size, size), dtype=torch.uint8)


def _readable_images(paths: Sequence[Path], size: int, log: Callable[[str], None]) -> list[Tensor]:
    images: list[Tensor] = []
    for path in paths:
        try:
            images.append(load_images([path], size))
        except DataError:
            log(f"{path.parent.name}/{path.name} cannot be read and is not shown in samples.")
        if len(images) == SAMPLES:
            break
    return images


def _initial(source: Run | None, method: type[Method], config: Any) -> Mapping[str, Tensor] | None:
    """The state dict in another run's last checkpoint, after a check that it fits the networks of this config."""
    if source is None:
        return None
    steps = source.checkpoint_steps()
    if not steps:
        raise RunError(f"--init-from {source.id}: that run has no checkpoint yet; train it first.")
    tensors = checkpoint.load(source.checkpoint(steps[-1]), only="method").parts["method"]
    with torch.device("meta"):
        expected = {name: tensor.shape for name, tensor in method(config).state_dict().items()}
    given = {name: tensor.shape for name, tensor in tensors.items()}
    if expected != given:
        name = min(name for name in {*expected, *given} if expected.get(name) != given.get(name))
        raise RunError(
            f"--init-from {source.id}: its {name} is {given.get(name)} where this run's is {expected.get(name)}; "
            "start from a run of the same method, size and channels."
        )
    return tensors
