from pathlib import Path, PurePosixPath

import pytest

from ugbench.data.acquire.new_names import new_names
from ugbench.errors import DataError


def named(*images: str) -> list[str]:
    return new_names(Path("photos"), [PurePosixPath(image) for image in images])


def test_names_are_kept_and_those_of_subfolders_are_put_before_them() -> None:
    assert named("b.jpg", "a.png") == ["b.jpg", "a.png"]
    assert named("1.jpg", "may/1.jpg", "may/early/1.jpg") == ["1.jpg", "may-1.jpg", "may-early-1.jpg"]


def test_of_one_stem_the_later_images_get_a_number_that_is_free() -> None:
    assert named("a.jpg", "a.png", "a.webp") == ["a.jpg", "a-2.png", "a-3.webp"]
    assert named("a-2.jpg", "a.jpg", "a.png") == ["a-2.jpg", "a.jpg", "a-3.png"]


def test_stems_that_differ_in_case_or_in_unicode_form_alone_count_as_one() -> None:
    assert named("IMG_1.JPG", "img_1.jpg") == ["IMG_1.JPG", "img_1-2.jpg"]
    assert named("e\u0301.jpg", "\u00e9.jpg") == ["e\u0301.jpg", "\u00e9-2.jpg"]


def test_two_images_that_would_get_one_name_are_both_named() -> None:
    with pytest.raises(DataError) as caught:
        named("may-1.jpg", "may/1.jpg")
    assert str(caught.value) == (
        "photos/may-1.jpg and photos/may/1.jpg would both be called may-1.jpg in the data set; rename one of them."
    )


def test_a_name_that_becomes_too_long_is_refused() -> None:
    with pytest.raises(DataError, match=r"photos/x+/y+\.jpg: its name would have more than 255 letters once"):
        named(f"{'x' * 200}/{'y' * 60}.jpg")
