"""Copies are found whatever their format, size and compression; other images, mirrored or drawn, are told from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from ugbench.data import copies
from ugbench.data.copies import LEVELS, find_copies
from ugbench.data.fitting import Transform, fitted
from ugbench.fit import Fit

Change = Callable[[Image.Image, Path], None]


def scene(seed: int, size: int = 96) -> Image.Image:
    """Coloured patches of 1/8 of the image, with soft edges."""
    patches = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return Image.fromarray(patches).resize((size, size), Image.Resampling.BICUBIC)


def store(folder: Path, *images: Image.Image) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{place}.png" for place in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    return paths


@pytest.fixture
def originals(tmp_path: Path) -> list[Path]:
    return store(tmp_path / "originals", *map(scene, range(5)))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: image.resize((48, 48), Image.Resampling.BILINEAR),
        ImageOps.mirror,
        lambda image: Image.fromarray((np.asarray(image) // 2 * 2).astype(np.uint8)),
    ],
    ids=["equal", "half size", "mirrored", "7 bits"],
)
def test_a_copy_is_found_with_its_original(
    tmp_path: Path, originals: list[Path], change: Callable[[Image.Image], Image.Image]
) -> None:
    outputs = store(tmp_path / "outputs", scene(9), change(scene(3)))
    assert find_copies(outputs, originals) == {1: 3}


def test_a_copy_is_found_after_compression(tmp_path: Path, originals: list[Path]) -> None:
    file = tmp_path / "compressed.jpg"
    scene(3, 256).save(file, quality=75)
    assert find_copies([file], originals) == {0: 3}
    assert find_copies([file], originals, exactly=True) == {}


def test_exactly_means_equal_thumbnails(tmp_path: Path, originals: list[Path]) -> None:
    assert find_copies(store(tmp_path / "outputs", scene(3)), originals, exactly=True) == {0: 3}


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.point(lambda level: min(255, level + 4)),
        lambda image: image.filter(ImageFilter.GaussianBlur(8)),
        ImageOps.flip,
        ImageOps.invert,
    ],
    ids=["4 levels brighter", "blurred", "upside down", "inverted"],
)
def test_a_changed_image_is_no_copy(
    tmp_path: Path, originals: list[Path], change: Callable[[Image.Image], Image.Image]
) -> None:
    assert find_copies(store(tmp_path / "outputs", change(scene(3))), originals) == {}


def test_flat_images_are_copies_only_if_equal(tmp_path: Path) -> None:
    """A collapsed method makes flat images; that one is near another says nothing."""
    grey = [Image.new("RGB", (16, 16), (level,) * 3) for level in (100, 101)]
    assert grey[1].getpixel((0, 0))[0] - grey[0].getpixel((0, 0))[0] < LEVELS
    first, second = store(tmp_path / "grey", *grey)
    assert find_copies([first], [second]) == {}
    assert find_copies([first], [second, first]) == {0: 1}


def test_pairwise_compares_each_output_with_its_own_image_only(tmp_path: Path, originals: list[Path]) -> None:
    outputs = store(tmp_path / "outputs", scene(1), scene(0), scene(2))
    assert find_copies(outputs, originals[:3], pairwise=True) == {2: 2}
    assert find_copies(outputs, originals[:3]) == {0: 1, 1: 0, 2: 2}


def test_files_that_cannot_be_read_are_passed_over(tmp_path: Path, originals: list[Path]) -> None:
    originals[0].write_bytes(b"no image")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    outputs = [broken, *store(tmp_path / "outputs", scene(0), scene(3))]
    assert find_copies(outputs, originals) == {2: 3}
    assert find_copies(outputs[1:], originals[:2], pairwise=True) == {}
    assert find_copies(outputs, [originals[0]]) == {} == find_copies(outputs, [])


def test_originals_are_drawn_once_for_all_calls(
    tmp_path: Path, originals: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "cache"))
    outputs = store(tmp_path / "outputs", scene(3))
    drawn: list[str] = []
    draw = copies._draw

    def counted(path: Path, fit: Fit) -> bytes:
        drawn.append(path.parent.name)
        return draw(path, fit)

    monkeypatch.setattr(copies, "_draw", counted)
    first, second = find_copies(outputs, originals), find_copies(outputs, originals)
    assert first == second == {0: 3}
    assert (drawn.count("originals"), drawn.count("outputs")) == (5, 2)
    scene(8).save(originals[3])  # another content is drawn again
    assert find_copies(outputs, originals) == {}
    assert drawn.count("originals") == 6


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_a_copy_of_an_image_that_was_no_square_is_found_in_the_shape_that_it_was_given(
    tmp_path: Path, fit: Fit
) -> None:
    wide = scene(1).resize((90, 60)), scene(2).resize((60, 90))
    originals = store(tmp_path / "originals", *wide)
    outputs = store(tmp_path / "outputs", *(fitted(image, Transform(64, fit)) for image in wide))
    assert find_copies(outputs, originals, fit=fit) == {0: 0, 1: 1}
    assert find_copies(outputs, originals) == {}


def test_few_of_many_originals_are_compared_pixel_by_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    near = copies._near

    def counted(picture: copies.Pixels, rows: copies.Rows, *others: object) -> copies.Rows:
        compared.append(len(rows))
        return near(picture, rows, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(copies, "_near", counted)
    originals = store(tmp_path / "originals", *map(scene, range(60)))
    assert find_copies(store(tmp_path / "outputs", scene(100), scene(59)), originals) == {1: 59}
    assert compared == [0, 0, 1, 0], "each output, as it is and mirrored"
