import io
from pathlib import Path

import numpy as np
import pytest
from drawn_images import patches
from PIL import Image, ImageDraw, ImageOps

from ugbench.data.duplicates import BITS, MAX_DISTANCE, Appearance, appearance_of, from_bytes, near_duplicates, to_bytes
from ugbench.data.images import list_images, read_image


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=quality)
    return Image.open(held).convert("RGB")


def test_a_hash_is_booleans_of_an_image_and_of_its_mirror_image() -> None:
    plain, mirrored, _ = appearance_of(patches(0))
    assert (plain.shape, plain.dtype) == ((BITS,), np.dtype(bool))
    assert np.array_equal(appearance_of(ImageOps.mirror(patches(0)))[0], mirrored)


@pytest.mark.parametrize("change", [lambda i: as_jpeg(i, 30), lambda i: i.resize((40, 40)), ImageOps.mirror])
def test_a_changed_copy_is_near_and_a_stranger_is_not(change: object) -> None:
    assert callable(change)
    others = [appearance_of(patches(k)) for k in range(1, 6)] + [appearance_of(change(patches(0)))]
    ((ours, other, bits),) = near_duplicates([appearance_of(patches(0))], others)
    assert (ours, other) == (0, 5)
    assert bits <= MAX_DISTANCE


def test_within_one_set_each_image_is_compared_with_those_before_it() -> None:
    images = [appearance_of(patches(k)) for k in (0, 1, 0, 2, 1)]
    assert list(near_duplicates(images)) == [(2, 0, 0), (4, 1, 0)]
    assert list(near_duplicates(images[:2])) == []
    assert list(near_duplicates([])) == list(near_duplicates(images, [])) == []


def test_bits_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = np.zeros(BITS, dtype=bool)
    few, many = zeros.copy(), zeros.copy()
    few[:MAX_DISTANCE] = True
    many[: MAX_DISTANCE + 1] = True
    colours = appearance_of(patches(0)).colours
    of_few, of_many, of_none = (Appearance(bits, ~zeros, colours) for bits in (few, many, zeros))
    assert list(near_duplicates([of_few], [of_none])) == [(0, 0, MAX_DISTANCE)]
    assert list(near_duplicates([of_many], [of_none])) == []


def test_drawings_of_one_outline_in_other_colours_are_no_near_duplicates() -> None:
    def disc(colour: tuple[int, int, int]) -> Image.Image:
        image = Image.new("RGB", (64, 64), "white")
        ImageDraw.Draw(image).ellipse((8, 8, 55, 55), fill=colour)
        return image

    red, green, dark_red = (appearance_of(disc(colour)) for colour in ((220, 30, 30), (30, 130, 30), (180, 20, 20)))
    assert (red.plain != green.plain).sum() <= MAX_DISTANCE
    assert list(near_duplicates([red, green])) == []
    assert [pair[:2] for pair in near_duplicates([red, dark_red])] == [(1, 0)]


def test_flat_images_are_near_duplicates_only_if_they_are_equal() -> None:
    flat = [appearance_of(Image.new("RGB", (64, 64), (level, 90, 90))) for level in (10, 200, 10)]
    assert list(near_duplicates(flat)) == [(2, 0, 0)]


def test_an_appearance_survives_being_written_as_bytes() -> None:
    appearance = appearance_of(patches(0))
    again = from_bytes(to_bytes(appearance))
    assert all(np.array_equal(field, same) for field, same in zip(appearance, again, strict=True))


@pytest.mark.parametrize("folder", ["cat2dog", "photo2monet"])
def test_photographs_and_paintings_of_real_sets_give_no_false_alarm(test_data: Path, folder: str) -> None:
    for domain in "AB":
        splits = [list_images(test_data / "data" / folder / f"{kind}{domain}") for kind in ("train", "test")]
        train, test = ([appearance_of(read_image(path)) for path in split] for split in splits)
        assert list(near_duplicates(test, train)) == list(near_duplicates(train)) == []


def test_a_photograph_that_was_cropped_twice_is_found(test_data: Path) -> None:
    paths = list_images(test_data / "data" / "cat2dog_ablation" / "testB")
    near = [
        (paths[j].stem, paths[i].stem)
        for i, j, _ in near_duplicates([appearance_of(read_image(path)) for path in paths])
    ]
    assert near == [("B2A_60", "B2A_76")]
