"""Loads the images of a training into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.batches import StoredImages, training_size
from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.images import read_image, resize
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import TEST, TRAIN
from ugbench.data.tensors import load_images, load_training_images, to_tensor
from ugbench.errors import DataError
from ugbench.image_size import Size
from ugbench.method import MethodConfig

SAMPLES = 4  # images of each domain in a sample grid


def load_folders(
    readable: Mapping[str, Sequence[Path]], config: MethodConfig, paired: bool, progress: Progress | None = None
) -> dict[str, StoredImages]:
    """The training images of each folder, as `ugbench.data.batches.Batches` takes them.

    Args:
        readable: the files by folder.
        paired: the images of one place are a pair. With `fit=crop` the partners of an image of trainA get its shape,
            so that both can be cropped alike.
        progress: called after each image.
    Raises:
        DataError: a file cannot be read.
    """
    size = training_size(config.size)
    if paired and config.fit == "crop":
        return _load_cropped_pairs(readable, size, progress)
    together = load_training_images([path for paths in readable.values() for path in paths], size, config.fit, progress)
    counts = [len(paths) for paths in readable.values()]
    if isinstance(together, Tensor):
        return dict(zip(readable, together.split(counts), strict=True))
    ends = accumulate(counts)
    return {name: together[end - count : end] for name, count, end in zip(readable, counts, ends, strict=True)}


def _load_cropped_pairs(
    readable: Mapping[str, Sequence[Path]], size: Size, progress: Progress | None
) -> dict[str, StoredImages]:
    of_a = load_training_images(readable[TRAIN["A"]], size, "crop", progress)
    loaded: dict[str, StoredImages] = {TRAIN["A"]: of_a}
    for name, paths in readable.items():
        if name not in loaded:
            shapes = [(image.shape[2], image.shape[1]) for image in of_a]
            pairs = zip(tracked(paths, len(paths), progress), shapes, strict=True)
            loaded[name] = [to_tensor(resize(read_image(path), shape)) for path, shape in pairs]
    return loaded


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
