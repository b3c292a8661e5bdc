"""Discriminators see images that are moved and have holes, real ones and outputs alike, and gradients go through."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ugbench.nn.augmentation import augmentation_shapes, augmented, shifted, with_hole


def numbers(*values: float) -> Tensor:
    """The same two numbers for one image."""
    return torch.tensor([values])


IMAGE = torch.arange(1.0, 1 + 2 * 16 * 24).view(1, 2, 16, 24)


def test_an_image_moves_by_up_to_an_eighth_of_its_side_and_zeros_come_in() -> None:
    up_left = shifted(IMAGE, numbers(0, 0))
    assert up_left[..., :-2, :-3].equal(IMAGE[..., 2:, 3:])
    assert not up_left[..., -2:, :].any() and not up_left[..., -3:].any()
    down_right = shifted(IMAGE, numbers(0.999, 0.999))
    assert down_right[..., 2:, 3:].equal(IMAGE[..., :-2, :-3])
    assert not down_right[..., :2, :].any() and not down_right[..., :3].any()
    assert shifted(IMAGE, numbers(0.5, 0.5)).equal(IMAGE)


def test_each_distance_is_as_likely() -> None:
    uniform = (torch.arange(500) + 0.5) / 500
    images = torch.zeros(500, 1, 16, 16)
    images[:, :, 8] = 1
    rows = shifted(images, torch.stack((uniform, uniform), 1)).amax((1, 3)).argmax(1)
    assert torch.bincount(rows).tolist() == [0] * 6 + [100] * 5


def test_a_rectangle_of_half_the_sides_is_left_out_and_may_be_half_outside() -> None:
    ones = torch.ones(1, 3, 16, 24)
    middle = with_hole(ones, numbers(0.5, 0.5))
    assert not middle[..., 4:12, 6:18].any()
    assert middle.sum() == 3 * (16 * 24 - 8 * 12)
    corner = with_hole(ones, numbers(0, 0))
    assert not corner[..., :4, :6].any()
    assert corner.sum() == 3 * (16 * 24 - 4 * 6)


def test_each_image_of_a_batch_has_changes_of_its_own() -> None:
    pair = torch.cat((IMAGE, IMAGE))
    draws = {"augment_x": torch.tensor([[0.0, 0.0, 0.2, 0.9], [0.9, 0.4, 0.5, 0.5]])}
    both = augmented(pair, draws, "x")
    for index in range(2):
        alone = augmented(IMAGE, {"augment_x": draws["augment_x"][index : index + 1]}, "x")
        assert both[index : index + 1].equal(alone)
    assert not both[0].equal(both[1])


def test_gradients_go_back_to_the_pixels_that_are_seen() -> None:
    image = torch.ones(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    augmented(image, {"augment_x": torch.tensor([[0.0, 0.5, 0.0, 0.0]])}, "x").sum().backward()
    expected = torch.ones(8, 8, dtype=torch.float64)
    expected[0] = 0  # moved out at the top
    expected[1:3, :2] = 0  # in the hole, whose second half is outside
    assert image.grad is not None and image.grad[0, 0].equal(expected)


def test_images_without_a_draw_stay_as_they_are() -> None:
    assert augmentation_shapes("none", "x", "y") == {}
    assert augmented(IMAGE, {}, "x") is IMAGE


@pytest.mark.parametrize(("kind", "count"), [("shift", 2), ("cutout", 4)])
def test_a_draw_has_two_numbers_for_each_change(kind: str, count: int) -> None:
    assert augmentation_shapes(kind, "x", "y") == {"augment_x": (count,), "augment_y": (count,)}  # type: ignore[arg-type]


def test_shift_makes_no_hole() -> None:
    draws = {"augment_x": numbers(0.5, 0.5)}
    assert augmented(IMAGE, draws, "x").equal(IMAGE)
