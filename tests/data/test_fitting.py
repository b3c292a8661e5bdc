"""Each way in which an image that is no square becomes one, by values, and the way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_images import patches
from numpy.typing import NDArray
from PIL import Image

from ugbench.data.datasets import open_dataset
from ugbench.data.edges import make_edges, missing_command, outdated_command
from ugbench.data.fitting import Transform, common_fit, cover, covering_size, fitted, restored, training_image
from ugbench.data.images import read_size, resize
from ugbench.fit import FITS, Fit


def grid(width: int, height: int) -> Image.Image:
    """An image whose red is 5 times the column, and whose green is 5 times the row."""
    red, green = np.meshgrid(5 * np.arange(width), 5 * np.arange(height))
    return Image.fromarray(np.stack([red, green, 0 * red], axis=-1).astype(np.uint8))


def columns(image: Image.Image) -> list[int]:
    """The column of `grid` that each column of an image shows, from the middle row."""
    return [int(level) // 5 for level in np.asarray(image)[image.height // 2, :, 0]]


def rows(image: Image.Image) -> list[int]:
    return [int(level) // 5 for level in np.asarray(image)[:, image.width // 2, 1]]


def levels(image: Image.Image) -> NDArray[np.int64]:
    return np.asarray(image).astype(np.int64)


def test_crop_takes_the_centre_of_the_longer_side() -> None:
    wide, high = fitted(grid(40, 20), Transform(20, "crop")), fitted(grid(20, 41), Transform(20, "crop"))
    assert (columns(wide), rows(wide)) == (list(range(10, 30)), list(range(20)))
    assert (columns(high), rows(high)) == (list(range(20)), list(range(10, 30)))


def test_crop_keeps_the_proportions_at_another_size() -> None:
    halved = fitted(grid(40, 20), Transform(10, "crop"))
    assert levels(halved)[5, 1:-1, 0].tolist() == pytest.approx([5 * (11 + 2 * k) + 2.5 for k in range(1, 9)], abs=6)
    assert halved.tobytes() == resize(grid(40, 20), (20, 10)).crop((5, 0, 15, 10)).tobytes()


def test_pad_continues_the_shorter_side_by_its_mirror_image() -> None:
    wide, high = fitted(grid(40, 20), Transform(40, "pad")), fitted(grid(20, 40), Transform(40, "pad"))
    mirrored = [*range(10, 0, -1), *range(20), *range(18, 8, -1)]
    assert (columns(wide), rows(wide)) == (list(range(40)), mirrored)
    assert (columns(high), rows(high)) == (mirrored, list(range(40)))


def test_a_very_long_image_is_mirrored_again_and_again() -> None:
    padded = fitted(grid(12, 3), Transform(12, "pad"))
    assert rows(padded) == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]
    assert rows(fitted(grid(9, 1), Transform(9, "pad"))) == [0] * 9


@pytest.mark.parametrize("shape", [(40, 20), (20, 40), (61, 37), (3, 100), (100, 3)])
@pytest.mark.parametrize("size", [16, 64])
def test_padding_is_numpys_reflect_before_the_resize_up_to_one_level(shape: tuple[int, int], size: int) -> None:
    image = patches(1, shape)
    missing = [max(shape) - side for side in (image.height, image.width)]
    square = np.pad(np.asarray(image), [*((count // 2, count - count // 2) for count in missing), (0, 0)], "reflect")
    expected = resize(Image.fromarray(square), size)
    assert np.abs(levels(fitted(image, Transform(size, "pad"))) - levels(expected)).max() <= 1


def test_squash_is_pillows_antialiased_resize() -> None:
    image = patches(0, (40, 20))
    expected = image.resize((16, 16), Image.Resampling.BILINEAR).tobytes()
    assert fitted(image, Transform(16)).tobytes() == fitted(image, 16).tobytes() == expected


@pytest.mark.parametrize("size", [8, 32, 64])
def test_all_three_are_the_same_for_a_square(size: int) -> None:
    image = patches(0, (32, 32))
    assert len({fitted(image, Transform(size, fit)).tobytes() for fit in FITS}) == 1
    assert len({training_image(image, size, fit).tobytes() for fit in FITS}) == 1
    output = patches(1, (size, size))
    for keep_size in (False, True):
        assert len({restored(output, image.size, fit, keep_size).tobytes() for fit in FITS}) == 1


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("shape", [(400, 20), (20, 400), (500, 1), (1, 1)])
def test_images_of_any_proportions_get_the_size_and_get_back(fit: Fit, shape: tuple[int, int]) -> None:
    image = fitted(Image.new("RGB", shape, "red"), Transform(16, fit))
    assert image.size == (16, 16) and image.getcolors() == [(256, (255, 0, 0))]
    back = shape if fit != "crop" else (min(shape), min(shape))
    assert restored(image, shape, fit, keep_size=True).size == back
    assert min(restored(image, shape, fit, keep_size=False).size) >= 1


def test_training_stores_the_whole_image_only_where_it_crops() -> None:
    image = grid(40, 20)
    assert [training_image(image, 10, fit).size for fit in FITS] == [(10, 10), (20, 10), (10, 10)]
    assert columns(training_image(image, 20, "crop")) == list(range(40))
    assert covering_size((41, 20), 10) == cover(grid(41, 20), 10).size == (20, 10)


def test_without_padding_an_output_has_the_proportions_of_its_input() -> None:
    wide, high = (fitted(grid(*shape), Transform(20, "pad")) for shape in ((40, 20), (20, 40)))
    assert restored(wide, (40, 20), "pad", keep_size=False).tobytes() == wide.crop((0, 5, 20, 15)).tobytes()
    assert restored(high, (20, 40), "pad", keep_size=False).tobytes() == high.crop((5, 0, 15, 20)).tobytes()


def test_a_padded_image_gets_back_to_itself() -> None:
    image = grid(41, 24)
    assert restored(fitted(image, Transform(41, "pad")), image.size, "pad", keep_size=True).tobytes() == image.tobytes()
    smaller = restored(fitted(image, Transform(20, "pad")), image.size, "pad", keep_size=True)
    assert np.abs(levels(smaller) - levels(image))[2:-2, 2:-2].max() <= 3


def test_a_cropped_image_gets_back_to_its_centre() -> None:
    image = grid(40, 20)
    output = fitted(image, Transform(20, "crop"))
    assert restored(output, image.size, "crop", keep_size=True).tobytes() == image.crop((10, 0, 30, 20)).tobytes()
    assert restored(output, image.size, "crop", keep_size=False).tobytes() == output.tobytes()
    assert restored(fitted(image, 20), image.size, "squash", keep_size=True).size == (40, 20)


def test_images_beside_each_other_are_squashed_unless_all_were_made_alike() -> None:
    assert [common_fit(fits) for fits in (["crop", "crop"], ["pad"], ["crop", "pad"], [])] == [
        "crop",
        "pad",
        "squash",
        "squash",
    ]


def test_smoothed_images_are_made_in_the_shape_of_a_training(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    for split in ("trainA", "trainB"):
        (tmp_path / "photos" / split).mkdir(parents=True)
        patches(3, (40, 20)).save(tmp_path / "photos" / split / "wide.png")
    dataset = open_dataset(tmp_path / "photos")
    assert str(missing_command(dataset, "edgesB", 10, "crop")).endswith("--size 10 --fit crop")
    folder, _, is_new = make_edges(dataset, "B", 10, fit="crop")
    assert read_size(folder / "wide.png") == (20, 10) and is_new
    dataset = open_dataset(tmp_path / "photos")
    assert make_edges(dataset, "B", 10, fit="crop")[2] is False
    assert outdated_command(dataset, "edgesB", 10, "crop") is None
    assert str(outdated_command(dataset, "edgesB", 10)).endswith("edges --dataset " + f"{dataset.root} --size 10")
    assert make_edges(dataset, "B", 10)[2] is True
    assert read_size(folder / "wide.png") == (10, 10)


def test_a_rectangle_is_covered_and_cropped_at_its_centre() -> None:
    assert columns(fitted(grid(40, 20), Transform((30, 20), "crop"))) == list(range(5, 35))
    high = fitted(grid(20, 40), Transform((20, 10), "crop"))
    assert (columns(high), rows(high)) == (list(range(20)), list(range(15, 25)))
    assert fitted(grid(40, 20), Transform((20, 10), "crop")).tobytes() == resize(grid(40, 20), (20, 10)).tobytes()


def test_padding_mirrors_an_image_to_the_proportions_of_a_rectangle() -> None:
    wide = fitted(grid(20, 20), Transform((40, 20), "pad"))
    assert columns(wide) == [*range(10, 0, -1), *range(20), *range(18, 8, -1)] and rows(wide) == list(range(20))
    assert fitted(grid(40, 20), Transform((40, 20), "pad")).tobytes() == grid(40, 20).tobytes()
    assert restored(wide, (20, 20), "pad", keep_size=False).tobytes() == grid(20, 20).tobytes()


@pytest.mark.parametrize(("shape", "stored"), [((40, 20), (72, 36)), ((40, 40), (72, 72)), ((60, 20), (108, 36))])
def test_training_keeps_an_image_that_covers_the_rectangle(shape: tuple[int, int], stored: tuple[int, int]) -> None:
    assert training_image(grid(*shape), (72, 36), "crop").size == stored
    assert training_image(grid(*shape), (72, 36), "squash").size == (72, 36)
    assert training_image(grid(*shape), (72, 36), "pad").size == (72, 36)


def test_a_transform_of_equal_sides_is_that_of_a_square() -> None:
    assert Transform((32, 32)) == Transform(32) and Transform((32, 64)) != Transform((64, 32))
    assert Transform([32, 64]).width_and_height == (32, 64)  # type: ignore[arg-type]


def test_smoothed_images_are_made_as_rectangles(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    for split in ("trainA", "trainB"):
        (tmp_path / "photos" / split).mkdir(parents=True)
        patches(3, (40, 20)).save(tmp_path / "photos" / split / "wide.png")
    dataset = open_dataset(tmp_path / "photos")
    assert str(missing_command(dataset, "edgesB", (36, 18))).endswith(" --size 36x18")
    folder, _, is_new = make_edges(dataset, "B", (36, 18))
    assert read_size(folder / "wide.png") == (36, 18) and is_new
    dataset = open_dataset(tmp_path / "photos")
    assert make_edges(dataset, "B", (36, 18))[2] is False
    assert outdated_command(dataset, "edgesB", (36, 18)) is None
    assert str(outdated_command(dataset, "edgesB", (18, 36))).endswith(" --size 18x36")
