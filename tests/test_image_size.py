"""One parser and one text for the size of images."""

from __future__ import annotations

import pytest

from ugbench.image_size import LARGEST_SIDE, Size, as_size, is_size, size_text, stored_size, width_and_height


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (256, 256),
        ("256", 256),
        (" 128x256 ", (128, 256)),
        ("128X256", (128, 256)),
        ("128x128", 128),
        ((128, 256), (128, 256)),
        ([128, 256], (128, 256)),
        ([64, 64], 64),
        (LARGEST_SIDE, LARGEST_SIDE),
    ],
)
def test_numbers_texts_and_pairs_are_sizes_and_equal_sides_a_square(value: object, size: Size) -> None:
    assert as_size(value) == size and is_size(value)
    assert as_size(size_text(size)) == as_size(stored_size(size)) == size


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "0x5", "128x", "x128", "axb", "1x2x3", "-4x8", "6.5", "1e2", "65537", "9" * 10**4, "٣x٤"),
        *(0, -1, LARGEST_SIDE + 1, True, 64.0, None, (), (64,), (64, True), (64, 0), (1, 2, 3), ["64", "32"], {"a": 1}),
    ],
)
def test_what_is_no_size_is_refused_with_both_forms(value: object) -> None:
    assert not is_size(value)
    with pytest.raises(ValueError, match=r"px from 1 to 65,536: .* as in 256, or width and height, as in 128x256"):
        as_size(value)


def test_a_size_is_shown_as_people_type_it_and_stored_as_json() -> None:
    assert [size_text(size) for size in (256, (128, 256), [128, 256], (64, 64))] == ["256", "128x256", "128x256", "64"]
    assert [stored_size(256), stored_size((128, 256))] == [256, [128, 256]]
    assert [width_and_height(256), width_and_height((128, 256))] == [(256, 256), (128, 256)]
