"""From what a user asks for to a run's folder and its images in memory: all that happens before the first step."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ugbench import registry
from ugbench.data.batches import training_size
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet, check_training
from ugbench.data.splits import TEST
from ugbench.data.tensors import load_images
from ugbench.device import pick_precision
from ugbench.direction import Direction
from ugbench.errors import DataError, RunError, UsageError
from ugbench.method import Method
from ugbench.runs import checkpoint
from ugbench.runs.run import DatasetRecord, Run, RunConfig, dataset_folder, find_run, open_run
from ugbench.training.loop import Images

SHOWN = 4
# What people call a method without any variant; records hold null.
BASE = "full"


@dataclass(frozen=True)
class Request:
    """What a user asks `train` for; None and empty fields take the preset's values."""

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


@dataclass(frozen=True)
class Prepared:
    """A run ready to train."""

    run: Run
    images: Images
    initial: Mapping[str, Tensor] | None


def prepare(
    request: Request,
    say: Callable[[str], None] = lambda _text: None,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Check everything that the first step needs, and load the images.

    Raises:
        UsageError and its children: an unknown name, a config value, an unreadable image, a wrong direction.
    """
    dataset = resolve(request.dataset, request.data_root, progress)
    good, skipped = check_training(dataset, request.skip_bad, progress)
    for name in skipped:
        say(f"{name} cannot be read and is skipped.")
    config_of_run = run_config(request, record_dataset(dataset, good, skipped))
    run = open_run(dataset_folder(request.results, dataset), config_of_run)
    if request.restart:
        _forget(run)
    method, config = registry.load_method(request.method), config_of_run.method_config()
    source = find_run(request.init_from, request.results) if request.init_from else None
    both = load_images([*good["trainA"], *good["trainB"]], training_size(config.size), progress)
    a, b = both.tensor_split((len(good["trainA"]),))
    shown = {domain: _shown(dataset, domain, good, config.size, say) for domain in ("A", "B")}
    return Prepared(run, Images(a, b, shown), _initial(source, method, config))


def record_dataset(dataset: DataSet, files: Mapping[str, Sequence[Path]], skipped: Sequence[str]) -> DatasetRecord:
    """The record of the images that a run trains on, as its config holds it.

    Args:
        files: the readable images of "trainA" and "trainB".
        skipped: relative names of images that cannot be read ("trainA/7.png").
    """
    return DatasetRecord(
        name=dataset.name,
        root=str(dataset.root.resolve()),
        fingerprint=dataset.fingerprint(("trainA", "trainB"), skip=skipped),
        images={split: len(paths) for split, paths in files.items()},
        skipped=list(skipped),
    )


def run_config(request: Request, dataset: DatasetRecord) -> RunConfig:
    """The config of the run that `prepare` opens, which decides its id.

    Raises:
        UsageError and its children, as `prepare`.
    """
    method = registry.load_method(request.method)
    variant = None if request.variant == BASE else request.variant
    config = method.make_config(request.preset, variant, request.overrides)
    return RunConfig(
        method=request.method,
        variant=variant,
        preset=request.preset,
        config=config.resolved(dataset.images["trainA"], dataset.images["trainB"]).model_dump(),
        dataset=dataset,
        direction=_direction(request, method),
        seed=request.seed,
        precision=pick_precision(request.precision, request.device),
        init_from=find_run(request.init_from, request.results).id if request.init_from else None,
    )


def _direction(request: Request, method: type[Method]) -> Direction | None:
    """The one direction to train, for methods that learn only one; None for those that learn both."""
    if len(method.directions) > 1:
        if request.direction is not None:
            raise UsageError(
                f"--direction {request.direction}: {request.method} learns both directions at once; leave it out."
            )
        return None
    return request.direction or method.directions[0]


def _shown(
    dataset: DataSet, domain: str, good: Mapping[str, Sequence[Path]], size: int, say: Callable[[str], None]
) -> Tensor:
    """The first few readable test images of a domain, or training images where there are none.

    Training does not depend on test images, so a damaged one is said and left out.
    """
    split = TEST[domain]
    images: list[Tensor] = []
    for path in dataset.split(split) if dataset.has(split) else []:
        try:
            images.append(load_images([path], size))
        except DataError:
            say(f"{split}/{path.name} cannot be read and is not shown in samples.")
        if len(images) == SHOWN:
            break
    return torch.cat(images) if images else load_images(good[f"train{domain}"][:SHOWN], size)


def _initial(source: Run | None, method: type[Method], config: Any) -> Mapping[str, Tensor] | None:
    """The method state of another run's last checkpoint, held against the networks that are to start from it."""
    if source is None:
        return None
    steps = checkpoint.steps(source.checkpoints)
    if not steps:
        raise RunError(f"--init-from {source.id}: that run has no checkpoint yet; train it first.")
    tensors = checkpoint.load(source.checkpoints / str(steps[-1]), only="method").parts["method"]
    with torch.device("meta"):
        expected = {name: tensor.shape for name, tensor in method(config).state_dict().items()}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if expected != found:
        odd = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        raise RunError(
            f"--init-from {source.id}: its {odd[0]} is {found.get(odd[0])} where this run's is {expected.get(odd[0])}; "
            "start from a run of the same method, size and channels."
        )
    return tensors


def _forget(run: Run) -> None:
    """Remove what training wrote into a run's folder, and the scores of it, so that it begins again."""
    for name in ("checkpoints", "samples", "tensorboard", "outputs"):
        shutil.rmtree(run.path / name, ignore_errors=True)
    for name in ("metrics.jsonl", "timing.jsonl", "environment.json", "generators.safetensors", "scores.jsonl"):
        (run.path / name).unlink(missing_ok=True)
