"""`ugbench train --dry-run`: what a training will take, before anything is written under --results."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugbench.cli.output import duration, file_size, log, print_json, print_rows
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.runs.run import Run
    from ugbench.training.image_place import ImagePlace
    from ugbench.training.request import Request

TOO_SMALL = ("smoke", "small")  # presets of narrow networks, which are no substitute for those of the paper
GRIDS = 10  # sample grids of a run
GRID_CELLS = 16  # images in a sample grid, about
_PLACES = {
    "device": "in the memory of this device",
    "memory": "in the memory of this machine",
    "disk": "read from the disk at each step",
}


def print_plan(
    run: Run, request: Request, keep: int | None, save_every: int | None, eval_every: int | None, as_json: bool
) -> None:
    """Print what the training of a run will take, and whether it is there already.

    Args:
        run: as `ugbench.training.prepare.planned_run` gives it.
        keep: number of checkpoints that stay stored; None for all.
        save_every: steps between checkpoints; None for the default.
        eval_every: steps between further checkpoints, which are scored; None for none.
    """
    from ugbench.runs.config_fields import readable_config

    plan = make_plan(run, request, keep, save_every, eval_every)
    if as_json:
        print_json(plan)
        return
    config = run.config
    left, memory, disk = plan["seconds_left"], plan["memory_bytes"], plan["disk_bytes"]
    rows: list[tuple[str, object]] = [
        ("run", f"{run.id} ({config.label}), {plan['status']}, in {run.path}"),
        ("data set", None if config.dataset is None else _dataset_text(config.dataset.name, config.dataset.images)),
        ("step", f"{plan['step']} of {run.steps}"),
        ("precision", f"{config.precision} on {request.device}"),
        ("memory", f"{file_size(memory)} at least, of {_or_unknown(plan['free_memory_bytes'])} free on this device"),
        ("images", f"{file_size(plan['images_bytes'])} when decoded, {_PLACES[plan['images']]}"),
        ("disk", f"{file_size(disk)}, of {_or_unknown(plan['free_disk_bytes'])} free"),
        ("time", "not known before a step was timed" if left is None else duration(left)),
        *((name, value) for name, value in readable_config(config.config).items() if value is not None),
    ]
    print_rows(("", ""), [(name, value) for name, value in rows if value is not None])
    if left is None:
        log(f"`ugbench bench {config.method}` with the same options times a step.")
    for problem in plan["problems"]:
        log(problem)


def make_plan(
    run: Run, request: Request, keep: int | None, save_every: int | None, eval_every: int | None
) -> dict[str, Any]:
    """The fields that `train --dry-run --json` prints; memory, disk and times are in bytes and seconds."""
    from ugbench.runs.run import list_runs
    from ugbench.runs.starting_point import first_step
    from ugbench.study.plan import cost_key, measured_seconds_per_step
    from ugbench.training.estimate import estimate
    from ugbench.training.free_memory import free_bytes

    config = run.config
    step = run.step() or first_step(config)
    sizes = estimate(config.method, config.method_config(), config.precision)
    seconds = measured_seconds_per_step(list_runs(request.results)).get(cost_key(config))
    images = _place_of_images(run, request)
    memory = sizes.memory + (images.image_bytes if images.place == "device" else 0)
    saves = max(1, run.steps // (save_every or max(100, run.steps // 100)))
    saves += 0 if eval_every is None else run.steps // eval_every
    stored = saves if keep is None else min(keep, saves)
    # While a checkpoint is saved, one more is on the disk.
    disk = (
        (stored + 1) * sizes.checkpoint
        + sizes.generators
        + GRIDS * GRID_CELLS * 3 * prod(config.transform.width_and_height)
    )
    free_memory, free_disk = free_bytes(request.device), shutil.disk_usage(_existing(request.results)).free
    plan = {
        "run": run.path,
        "id": run.id,
        "status": "done" if run.is_done() else "half" if run.step() else "missing",
        "step": step,
        "steps": run.steps,
        "memory_bytes": memory,
        "free_memory_bytes": free_memory,
        "images": images.place,
        "images_bytes": images.image_bytes,
        "disk_bytes": disk,
        "free_disk_bytes": free_disk,
        "checkpoint_bytes": sizes.checkpoint,
        "seconds_per_step": seconds,
        "seconds_left": None if seconds is None else seconds * max(0, run.steps - step),
        "config": config,
    }
    problems = []
    if free_memory is not None and memory > free_memory:
        problems.append(
            f"This does not fit into the free memory of {request.device}; {_way_out(run, request, free_memory)}."
        )
    if disk > free_disk:
        problems.append("This does not fit on the disk; free some, give --keep 1, or name another --results.")
    return {**plan, "fits": not problems, "problems": problems}


def _place_of_images(run: Run, request: Request) -> ImagePlace:
    """Where the training images of a run will be stored."""
    from ugbench.runs.run import dataset_of
    from ugbench.training.image_place import choose_place

    record = run.config.dataset
    assert record is not None  # a run that is planned has a data set
    dataset, skipped = dataset_of(run), set(record.skipped)
    files = {
        split: [path for path in dataset.split(split) if f"{split}/{path.name}" not in skipped]
        for split in record.images
    }
    return choose_place(files, run.config.method_config(), request.device, request.images, request.jobs)


def _way_out(run: Run, request: Request, free: int) -> str:
    """What to do where a run does not fit into the memory: keep less for the backward passes, or train another preset,
    else smaller batches.
    """
    from ugbench import registry
    from ugbench.training.estimate import estimate

    keeping_less = run.config.method_config().model_copy(update={"checkpoint_activations": True})
    try:
        size = estimate(request.method, keeping_less, run.config.precision).memory
    except UsageError:  # the method has no blocks that can be computed again
        size = None
    if size is not None and size <= free:
        return f"--set checkpoint_activations=true takes about {file_size(size)}, with equal results in more time"
    presets = [name for name in registry.load_method(request.method).PRESETS if name not in TOO_SMALL]
    for preset, config in _configs(request, [name for name in presets if name != request.preset]):
        size = estimate(request.method, config, run.config.precision).memory
        if size <= free:
            return f"--preset {preset} takes about {file_size(size)}"
    return "lower --batch-size or --size, or take another --device"


def _configs(request: Request, presets: list[str]) -> Iterator[tuple[str, Any]]:
    """Each of these presets with the config that the call has with it; presets without a valid config are left out."""
    from ugbench import registry
    from ugbench.errors import ConfigError
    from ugbench.training.request import BASE

    variant = None if request.variant == BASE else request.variant
    for preset in presets:
        try:
            config = registry.load_method(request.method).make_config(preset, variant, request.overrides)
        except ConfigError:
            continue
        yield preset, config


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _or_unknown(size: int | None) -> str:
    return "an unknown amount" if size is None else file_size(size)


def _dataset_text(name: str, images: dict[str, int]) -> str:
    return f"{name}, {', '.join(f'{count} images in {split}' for split, count in images.items())}"
