"""Images and data sets that are drawn for a test."""

from pathlib import Path

import numpy as np
from PIL import Image


def patches(seed: int, size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Soft coloured patches; images of different seeds look different."""
    levels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(levels).resize(size, Image.Resampling.BICUBIC)


def save_flat(path: Path, size: tuple[int, int] = (8, 8), colour: str = "red") -> None:
    """Save an image of one colour; its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def make_data_set(root: Path, **splits: int) -> Path:
    """A data set of tiny images that all differ; each split is given with its number of images."""
    for number, (split, count) in enumerate(splits.items()):
        (root / split).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (6, 6), (10 * number, index, 0)).save(root / split / f"{index}.png")
    return root


def draw_noise(folder: Path, seed: int, count: int = 3) -> None:
    """Save images of noise, 32 px, which differ between seeds; the folder is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed)
    for number in range(count):
        pixels = levels.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
