"""The training images of each folder are loaded as batches take them."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn_images import patches, save_flat

from ugbench.data.batches import StoredImages
from ugbench.data.datasets import open_dataset
from ugbench.data.fitting import Transform, training_image
from ugbench.data.tensors import to_tensor
from ugbench.fit import FITS, Fit
from ugbench.method import MethodConfig
from ugbench.training.images import load_folders, sample_images

SHAPES = {"trainA": [(60, 40), (40, 90)], "trainB": [(60, 41), (40, 40)], "poses": [(10, 10), (400, 9)]}


@pytest.fixture
def readable(tmp_path: Path) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for number, (folder, shapes) in enumerate(SHAPES.items()):
        (tmp_path / folder).mkdir()
        files[folder] = [tmp_path / folder / f"{place}.png" for place in range(len(shapes))]
        for place, (file, shape) in enumerate(zip(files[folder], shapes, strict=True)):
            patches(10 * number + place, shape).save(file)
    return files


def shapes_of(images: StoredImages) -> list[tuple[int, ...]]:
    return [tuple(image.shape[1:]) for image in images]


@pytest.mark.parametrize("fit", FITS)
def test_each_folder_has_its_images_in_order(readable: dict[str, list[Path]], fit: Fit) -> None:
    loaded = load_folders(readable, MethodConfig(size=32, fit=fit), paired=False)
    assert list(loaded) == list(SHAPES)
    for number, (folder, shapes) in enumerate(SHAPES.items()):
        for place, shape in enumerate(shapes):
            expected = to_tensor(training_image(patches(10 * number + place, shape), 36, fit))
            assert loaded[folder][place].equal(expected)
    if fit == "crop":
        assert shapes_of(loaded["trainA"]) == [(36, 54), (81, 36)]


def test_cropped_partners_get_the_shape_of_the_image_of_train_a(readable: dict[str, list[Path]]) -> None:
    loaded = load_folders(readable, MethodConfig(size=32, fit="crop"), paired=True)
    shapes = {folder: shapes_of(images) for folder, images in loaded.items()}
    assert shapes == {folder: [(36, 54), (81, 36)] for folder in SHAPES}


@pytest.mark.parametrize("fit", FITS)
def test_samples_go_through_the_test_transform(tmp_path: Path, fit: Fit) -> None:
    for split in ("trainA", "trainB", "testA"):
        save_flat(tmp_path / split / "1.png", (30, 20))
    dataset = open_dataset(tmp_path)
    for domain in "AB":
        images = sample_images(dataset, domain, {"trainB": dataset.split("trainB")}, Transform(16, fit), print)
        assert images.shape == (1, 3, 16, 16)
