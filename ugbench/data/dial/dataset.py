"""The dial: data whose true translation is known, made from two settings, shape and texture, each 0 to 1.

Domain A is (0, 0): shaded discs on plain grey. In B, shape morphs the discs to five-lobed stars, and texture
turns their shading into stripes and the ground into a lighter hatched one; ugbench.data.dial.scenes draws them and
says why the map from A to B can be learnt. Training scenes of A and B are independent; test scenes come in
pairs of equal file stems.

The settings are comparable: the contrasts of stripes and hatching (in ugbench.data.dial.scenes) were chosen so that
shape = v alone and texture = v alone move a scene about equally far. The distance is LPIPS without its linear
weights: outputs of AlexNet's five ReLU layers at 224 px, scaled to unit length at each pixel; squared differences
summed over channels, averaged over pixels, summed over layers. Means over 100 pairs of seed 0:

    setting                 0.25   0.5    0.75   1
    64 px  shape alone      1.77   3.07   3.93   4.54
           texture alone    1.57   2.89   3.88   4.60
    32 px  shape alone      1.40   2.71   3.61   4.25
           texture alone    1.34   2.64   3.64   4.37

They are not comparable in features averaged over the image, where a star is nearly as far from the disc at shape
0.25 as at 1: AlexNet's 256, Euclidean, 64 px: shape 7.6, 8.4, 8.6, 8.5; texture 5.0, 8.0, 10.0, 11.5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.datasets import DataSet
from ugbench.data.dial.scenes import CHROMA, SUPERSAMPLING, draw_scene, render
from ugbench.data.dial.spec import FILE, RENDERER, SPLITS, DialSpec, DialSplit
from ugbench.data.images import Progress, read_image
from ugbench.data.tensors import load_images, save_png
from ugbench.direction import Direction
from ugbench.errors import DataError


def scenes(spec: DialSpec, split: DialSplit) -> Iterator[Tensor]:
    """The images of a split in order, each uint8 (3, size, size).

    Image i is a function of i, the split and the spec's seed, settings and size: not of how many are made.
    """
    stream = "test" if split.startswith("test") else split
    shape, texture = (0.0, 0.0) if split.endswith("A") else (spec.shape, spec.texture)
    for index in range(spec.test if stream == "test" else spec.train):
        pixels = render(draw_scene(spec.seed, stream, index), shape, texture, spec.size)
        yield torch.from_numpy(pixels).permute(2, 0, 1)


def write(spec: DialSpec, folder: Path, progress: Progress | None = None) -> None:
    """Render all splits as PNGs into subfolders of `folder` (made if missing), and the spec into dial.json.

    dial.json comes last, so that a folder that has it is whole.
    """
    total, done = 2 * (spec.train + spec.test), 0
    for split in SPLITS:
        (folder / split).mkdir(parents=True, exist_ok=True)
        for index, image in enumerate(scenes(spec, split)):
            save_png(image, folder / split / f"{index:05d}.png")
            done += 1
            if progress is not None:
                progress(done, total)
    (folder / FILE).write_text(json.dumps({"renderer": RENDERER, **asdict(spec)}, indent=2) + "\n")


def object_mask(images: Tensor) -> Tensor:
    """Where the object is, read off any images: max - min over the channels is at least half an object's.

    Args:
        images: uint8 (n, 3, h, w).
    Returns:
        bool (n, h, w).
    """
    # Just under half: rounding to 8 bits must not decide on pixels of which half the samples are covered.
    least = 255 * CHROMA * (0.5 - 0.5 / SUPERSAMPLING**2)
    return images.amax(1).short() - images.amin(1).short() >= least


def truth(dataset: DataSet, direction: Direction, size: int | None = None) -> Tensor:
    """The true translations of a dial's test images, in the order of their sources.

    Args:
        dataset: a dial.
        direction: "A2B" has its sources in testA and the truth in testB.
        size: px to which they are resized; None leaves them as they are.
    Returns:
        uint8 (n, 3, size, size).
    Raises:
        DataError: not a dial, or a source has no partner of its stem.
    """
    if dataset.dial is None:
        raise DataError(f"{dataset.root}: not a dial, so the true translations are not known; name a dial.")
    sources, targets = dataset.split("testA"), dataset.split("testB")
    if direction == "B2A":
        sources, targets = targets, sources
    partners = {path.stem: path for path in targets}
    alone = [path for path in sources if path.stem not in partners]
    if alone:
        raise DataError(f"{alone[0]}: has no partner in {targets[0].parent}; remove {dataset.root} and make it again.")
    paths = [partners[path.stem] for path in sources]
    return load_images(paths, size or read_image(paths[0]).width)
