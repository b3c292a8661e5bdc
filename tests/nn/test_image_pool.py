"""The image pool: which image it returns and stores, its state, and no host sync."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ugbench.nn.image_pool import ImagePool


def image(value: float) -> Tensor:
    return torch.full((1, 3, 4, 4), float(value))


def show(pool: ImagePool, value: float, coin: float, place: float = 0.0) -> float:
    """The value of the image that the pool shows when `value` comes in."""
    return float(pool(image(value), torch.tensor([[coin, place]])).mean())


def kept(pool: ImagePool) -> list[float]:
    return pool.images[: int(pool.filled)].mean((1, 2, 3)).tolist()


def full_pool(*values: float) -> ImagePool:
    pool = ImagePool(len(values), size=4)
    for value in values:
        show(pool, value, coin=0.0)
    return pool


def test_while_not_full_an_image_is_kept_and_shown_whatever_the_draws():
    pool = ImagePool(3, size=4)
    assert [show(pool, 1, coin=0.9, place=0.9), show(pool, 2, coin=0.1, place=0.0)] == [1, 2]
    assert kept(pool) == [1, 2]
    assert int(pool.filled) == 2


def test_above_one_half_the_drawn_slot_is_shown_and_replaced():
    pool = full_pool(1, 2, 3)
    assert show(pool, 4, coin=0.51, place=0.4) == 2
    assert kept(pool) == [1, 4, 3]


@pytest.mark.parametrize("coin", [0.0, 0.5])
def test_up_to_one_half_the_new_image_is_shown_and_not_kept(coin):
    pool = full_pool(1, 2, 3)
    assert show(pool, 4, coin=coin, place=0.4) == 4
    assert kept(pool) == [1, 2, 3]


@pytest.mark.parametrize(("place", "slot"), [(0, 0), (0.3333, 0), (0.3334, 1), (0.6667, 2), (1 - 2**-24, 2)])
def test_the_slot_is_the_draw_times_the_capacity_rounded_down(place, slot):
    assert show(full_pool(0, 1, 2), 9, coin=0.9, place=place) == slot


def test_a_draw_that_rounds_up_to_the_capacity_takes_the_last_slot():
    assert show(full_pool(0, 1, 2), 9, coin=0.9, place=1.0) == 2


def test_images_of_a_batch_are_handled_in_order():
    pool = full_pool(1, 2)
    draws = torch.tensor([[0.9, 0.6], [0.9, 0.6], [0.9, 0.0]])
    shown = pool(torch.cat([image(3), image(4), image(5)]), draws)
    assert shown.mean((1, 2, 3)).tolist() == [2, 3, 1]
    assert kept(pool) == [5, 4]


def test_a_pool_that_fills_within_a_batch_swaps_for_the_rest_of_it():
    pool = ImagePool(1, size=4)
    shown = pool(torch.cat([image(1), image(2)]), torch.tensor([[0.9, 0.0], [0.9, 0.0]]))
    assert shown.mean((1, 2, 3)).tolist() == [1, 1]
    assert kept(pool) == [2]


def test_what_is_stored_with_an_image_stays_with_it():
    pool = ImagePool(1, size=4, channels=4)
    first, second = (torch.cat((image(value), torch.full((1, 1, 4, 4), value / 10)), 1) for value in (1.0, 2.0))
    pool(first, torch.tensor([[0.0, 0.0]]))
    assert pool(second, torch.tensor([[0.9, 0.0]])).equal(first)
    assert pool.images.equal(second)


def test_a_pool_of_no_images_shows_what_comes():
    assert show(ImagePool(0, size=4), 7, coin=0.9) == 7


def test_uniform_draws_show_old_images_half_the_time_from_all_slots_alike():
    pool = full_pool(*range(10))
    draws = torch.rand(4000, 1, 2, generator=torch.Generator().manual_seed(0))
    old = 0
    used = torch.zeros(10)
    for k, draw in enumerate(draws):
        before = pool.images.clone()
        old += float(pool(image(100 + k), draw).mean()) != 100 + k
        used += (pool.images != before).any(dim=(1, 2, 3))
    assert abs(old / 4000 - 0.5) < 0.03
    assert abs(used / 4000 - 0.05).max() < 0.02


def test_the_state_dict_carries_the_pool():
    pool, other = full_pool(1, 2), ImagePool(2, size=4)
    other.load_state_dict(pool.state_dict())
    assert show(other, 5, coin=0.9, place=0.6) == 2


def test_images_are_kept_in_the_pools_type_and_come_back_in_it():
    pool = ImagePool(2, size=4)
    assert pool(image(0.1).bfloat16(), torch.zeros(1, 2)).dtype == torch.float32
    double = ImagePool(2, size=4).double()
    assert double(image(0.1).double(), torch.zeros(1, 2).double()).dtype == torch.float64
    assert double.filled.dtype == torch.int64


@pytest.mark.parametrize("capacity", [0, 2])
def test_what_the_pool_shows_carries_no_gradient(capacity):
    assert not ImagePool(capacity, size=4)(image(1).requires_grad_(), torch.zeros(1, 2)).requires_grad


def test_asking_the_pool_syncs_with_no_host():
    with FakeTensorMode():
        pool = ImagePool(5, size=4)
        assert pool(torch.zeros(3, 3, 4, 4), torch.rand(3, 2)).shape == (3, 3, 4, 4)
