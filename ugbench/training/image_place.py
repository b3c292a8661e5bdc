"""Where the images of a training are stored: chosen from their number and sizes, before any of them is decoded.

The place changes no bit of a training, so it is no part of a run's config.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch

from ugbench.data.fitting import Transform
from ugbench.data.in_threads import core_count
from ugbench.data.places import Place, PlaceOption
from ugbench.method import MethodConfig
from ugbench.training.estimate import cropped_image_bytes, image_bytes
from ugbench.training.free_memory import free_bytes, free_machine_bytes

DEVICE_SHARE = 0.25
"""Share of a GPU's free memory that images may take: networks, optimizers and what a step keeps need the rest."""
MEMORY_SHARE = 0.5
"""Share of the machine's free memory that images may take. On a CPU the training itself needs the rest; with a GPU,
other programs, the cache of files and the copies in use may need it."""
MOST_READERS = 8
"""Processes that read ahead. A step needs few images, so that more processes would mostly wait."""
STEPS_AHEAD = 2
"""Steps that each of these processes, and the thread that makes the draws, may be ahead; torch's default."""
SHARED_MEMORY = Path("/dev/shm")
"""Batches pass through this folder from process to process. In a container it may be small."""


@dataclass(frozen=True)
class ImagePlace:
    """Where the images of a training are stored.

    Attributes:
        place: on the training device, in the memory of the machine, or in their files.
        image_bytes: the memory that they take, or would take, in bytes.
        readers: the processes that read files ahead of the steps; 0 if the training itself reads them.
        reason: a sentence that says why they are not on the device; None if they are, or if the user chose the disk.
    """

    place: Place
    image_bytes: int
    readers: int = 0
    reason: str | None = None


def choose_place(
    files: Mapping[str, Sequence[Path]],
    config: MethodConfig,
    device: torch.device,
    wanted: PlaceOption = "auto",
    jobs: int = 1,
) -> ImagePlace:
    """The place of the training images in these files.

    Images on a GPU are decoded in the memory of the machine first, so they must fit there as well.

    Args:
        files: by folder. With `fit=crop` the headers of some of them are read; no image is decoded.
        jobs: trainings that share this machine, this one included; each gets its part of memory and processor cores.
    """
    needed = stored_bytes(files, config)
    readers = _readers(prod(Transform(config.size).width_and_height) * 3 * config.batch_size * len(files), jobs)
    free = free_machine_bytes()
    if wanted == "disk":
        return ImagePlace("disk", needed, readers)
    if wanted == "auto" and free is not None and needed > free * MEMORY_SHARE / jobs:
        return ImagePlace("disk", needed, readers, _reason(files, needed, free, MEMORY_SHARE, "machine", jobs, readers))
    on_gpu = free_bytes(device) if device.type == "cuda" else None
    if on_gpu is not None and needed > on_gpu * DEVICE_SHARE / jobs:
        return ImagePlace("memory", needed, 0, _reason(files, needed, on_gpu, DEVICE_SHARE, str(device), jobs, 0))
    return ImagePlace("device", needed)


def stored_bytes(files: Mapping[str, Sequence[Path]], config: MethodConfig) -> int:
    """The memory that the images in these files take when they are decoded and resized for training, in bytes."""
    paths = [path for folder in files.values() for path in folder]
    size = config.training_size
    return cropped_image_bytes(size, paths) if config.fit == "crop" else image_bytes(size, len(paths))


def _readers(batch_bytes: int, jobs: int) -> int:
    """The processes that read ahead: at most one per core, and no more than shared memory has room for."""
    if sys.platform != "linux":  # elsewhere a process cannot be forked safely, or not at all
        return 0
    cores = max(1, core_count() // jobs)
    room = shutil.disk_usage(SHARED_MEMORY).free // 2 // jobs if SHARED_MEMORY.is_dir() else 0
    return min(MOST_READERS, cores, room // (STEPS_AHEAD * batch_bytes))


def _reason(
    files: Mapping[str, Sequence[Path]], needed: int, free: int, share: float, owner: str, jobs: int, readers: int
) -> str:
    """A sentence about images that take more than their share of the memory of `owner`, and where they go instead."""
    count = sum(map(len, files.values()))
    shared = f", shared by {jobs} trainings" if jobs > 1 else ""
    by = "" if readers == 0 else f" by {readers} process{'es' if readers > 1 else ''} ahead of each step"
    place = "stay in the memory of the machine" if owner != "machine" else f"are read from the disk{by}"
    return (
        f"The {count:,} training images would take {needed / 1e9:.1f} GB, more than {share:.0%} of the "
        f"{free / 1e9:.1f} GB that are free on {'this machine' if owner == 'machine' else owner}{shared}: they {place}."
    )
