import pytest

from ugbench.data.acquire.holdout import choose_test_images, wanted_number

KEYS = ["e", "b", "d", "a", "c"]


def test_images_are_taken_in_the_order_of_their_keys() -> None:
    assert choose_test_images(KEYS, range(5), 2) == {1, 3}
    assert choose_test_images(KEYS, range(5), 4) == {1, 2, 3, 4}


def test_the_order_of_the_images_does_not_count() -> None:
    chosen = {KEYS[place] for place in choose_test_images(KEYS, range(5), 3)}
    assert {KEYS[::-1][place] for place in choose_test_images(KEYS[::-1], range(5), 3)} == chosen == {"a", "b", "c"}


def test_a_group_is_taken_whole_or_not_at_all() -> None:
    assert choose_test_images(KEYS, [0, 1, 2, 0, 3], 2) == {0, 3}  # "a" and "e" are one group
    assert choose_test_images(KEYS, [0, 0, 1, 0, 2], 2) == {2, 4}  # three images no longer fit, later ones do
    assert choose_test_images(KEYS, [0] * 5, 4) == set()


@pytest.mark.parametrize(("test", "images", "number"), [(7, 100, 7), (0.1, 100, 10), (0.25, 10, 2), (0.01, 20, 1)])
def test_a_share_is_of_the_images_and_at_least_one(test: float, images: int, number: int) -> None:
    assert wanted_number(test, images) == number
