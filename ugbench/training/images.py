"""The images of a training: in memory, or as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.batches import StoredImages
from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.image_files import ImageFiles
from ugbench.data.places import Place
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import TEST, TRAIN
from ugbench.data.tensors import load_images
from ugbench.data.training_images import TrainingFolders
from ugbench.errors import DataError
from ugbench.method import MethodConfig
from ugbench.training.image_place import ImagePlace

SAMPLES = 4  # images of each domain in a sample grid


@dataclass(frozen=True)
class Images:
    """The images of a training.

    Attributes:
        a, b: all training images of each domain, uint8 (n, 3, h, w) of `config.training_size`; with `fit=crop` a
            list of (3, h, w), which cover that size. Where `place` is the disk, files of such images.
        samples: a few images of each domain, "A" and "B", to draw sample grids from: uint8 (n, 3, h, w). The domains
            need not have equally many.
        extra: the training images of further splits, by the names that the method has for them, as `a` and `b`.
        place: where images are stored while a run trains.
        readers: the processes that read files ahead of the steps.
    """

    a: StoredImages
    b: StoredImages
    samples: dict[str, Tensor] = field(default_factory=dict)
    extra: dict[str, StoredImages] = field(default_factory=dict)
    place: Place = "device"
    readers: int = 0


def images_of(
    dataset: DataSet,
    readable: Mapping[str, Sequence[Path]],
    folders: TrainingFolders,
    config: MethodConfig,
    place: ImagePlace,
    log: Callable[[str], None],
    progress: Progress | None = None,
) -> Images:
    """The images of a training, at their place.

    Args:
        readable: the files by folder.
        log: called with a sentence that says why the images are not on the device, and by `sample_images`.
        progress: called after each image.
    Raises:
        DataError: a file cannot be read.
    """
    if place.reason is not None:
        log(place.reason)
    stored: Mapping[str, StoredImages]
    if place.place == "disk":
        stored = file_folders(readable, config, folders.paired)
    else:
        stored = load_folders(readable, config, folders.paired, progress)
    extra = {name: stored[folder] for name, folder in folders.further}
    transform = Transform(config.size, config.fit)
    samples = {domain: sample_images(dataset, domain, readable, transform, log) for domain in TRAIN}
    return Images(stored[TRAIN["A"]], stored[TRAIN["B"]], samples, extra, place.place, place.readers)


def load_folders(
    readable: Mapping[str, Sequence[Path]], config: MethodConfig, paired: bool, progress: Progress | None = None
) -> dict[str, StoredImages]:
    """The training images of each folder in memory, as `ugbench.data.batches.Batches` takes them.

    Args:
        readable: the files by folder.
        paired: see `file_folders`.
        progress: called after each image.
    Raises:
        DataError: a file cannot be read.
    """
    total = sum(map(len, readable.values()))
    if config.fit == "crop":  # images of many shapes
        folders = file_folders(readable, config, paired)
        loaded: dict[str, list[Tensor]] = {name: [] for name in folders}
        places = ((name, place) for name, files in folders.items() for place in range(len(files)))
        for name, place in tracked(places, total, progress):
            loaded[name].append(folders[name][place])
        return dict(loaded)
    paths = [path for paths in readable.values() for path in paths]
    together = load_images(paths, Transform(config.training_size, config.fit), progress)
    return dict(zip(readable, together.split([len(paths) for paths in readable.values()]), strict=True))


def file_folders(readable: Mapping[str, Sequence[Path]], config: MethodConfig, paired: bool) -> dict[str, ImageFiles]:
    """The training images of each folder as files, which are read at each step; none is opened.

    Args:
        readable: the files by folder.
        paired: the images of one place are a pair. With `fit=crop` the partners of an image of trainA get its shape,
            so that both can be cropped alike.
    """
    size = config.training_size
    of_a = ImageFiles(readable[TRAIN["A"]], size, config.fit)
    partners = of_a if paired and config.fit == "crop" else None
    others = {name: paths for name, paths in readable.items() if name != TRAIN["A"]}
    return {TRAIN["A"]: of_a} | {name: ImageFiles(paths, size, config.fit, partners) for name, paths in others.items()}


def sample_images(
    dataset: DataSet,
    domain: str,
    readable: Mapping[str, Sequence[Path]],
    transform: Transform,
    log: Callable[[str], None],
) -> Tensor:
    """The first readable test images of a domain, or training images if there are none: uint8 (n, 3, height, width).

    Training does not depend on these images, so one that cannot be read is left out with a sentence to `log`.
    """
    test = TEST[domain]
    paths = dataset.split(test) if dataset.has(test) else []
    images = _readable_images(paths, transform, log) or _readable_images(readable[TRAIN[domain]], transform, log)
    return torch.cat(images) if images else load_images([], transform)


def _readable_images(paths: Sequence[Path], transform: Transform, log: Callable[[str], None]) -> list[Tensor]:
    images: list[Tensor] = []
    for path in paths:
        try:
            images.append(load_images([path], transform))
        except DataError:
            log(f"{path.parent.name}/{path.name} cannot be read and is not shown in samples.")
        if len(images) == SAMPLES:
            break
    return images
