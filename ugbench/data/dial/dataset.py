"""The dial as a data set: its images, and the folder they are written to.

Training images of A and B show independent scenes. Test images come in pairs with equal file stems: the image in testB
is the true translation of the image in testA.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.dial.scenes import CHROMA, SUPERSAMPLING, draw_scene, render
from ugbench.data.dial.spec import RENDERER, SPEC_FILE, DialSpec
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import SPLITS, Split
from ugbench.data.tensors import save_png
from ugbench.errors import writing


def draw_split(spec: DialSpec, split: Split) -> Iterator[Tensor]:
    """The images of a split in order, each uint8 (3, size, size).

    Image i depends on i, the split, and the spec's seed, settings and size. It does not depend on the number of images.
    """
    stream = "test" if split.startswith("test") else split
    shape, texture = (0.0, 0.0) if split.endswith("A") else (spec.shape, spec.texture)
    for index in range(spec.test if stream == "test" else spec.train):
        scene = draw_scene(spec.seed, stream, index)
        yield torch.from_numpy(render(scene, shape, texture, spec.size)).permute(2, 0, 1)


def write_dial(spec: DialSpec, folder: Path, progress: Progress | None = None) -> None:
    """Write all splits as PNG files and the spec as dial.json into a new folder, completely or not at all.

    Args:
        folder: must be missing or empty; missing parent folders are made.
        progress: called after each image.
    Raises:
        DiskError: the folder cannot be written, or is not empty.
    """
    with writing(folder):
        _write_dial(spec, folder, progress)


def _write_dial(spec: DialSpec, folder: Path, progress: Progress | None) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
        unfinished = Path(work) / folder.name  # one level down: a temporary folder has mode 0700
        for split in SPLITS:
            (unfinished / split).mkdir(parents=True)
        images = ((split, *numbered) for split in SPLITS for numbered in enumerate(draw_split(spec, split)))
        for split, index, image in tracked(images, 2 * (spec.train + spec.test), progress):
            save_png(image, unfinished / split / f"{index:05d}.png")
        (unfinished / SPEC_FILE).write_text(json.dumps({"renderer": RENDERER, **asdict(spec)}, indent=2) + "\n")
        unfinished.rename(folder)


def object_mask(images: Tensor) -> Tensor:
    """The pixels that show the object: there the largest minus the smallest channel is at least half of CHROMA.

    It works on any images, also on translations, whatever their texture.

    Args:
        images: uint8 (n, 3, h, w).
    Returns:
        bool (n, h, w).
    """
    # Just under half, so that rounding to 8 bits does not decide about pixels with half of their samples covered.
    threshold = 255 * CHROMA * (0.5 - 0.5 / SUPERSAMPLING**2)
    return images.amax(1).short() - images.amin(1).short() >= threshold
