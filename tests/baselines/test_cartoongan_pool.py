"""The pool of CartoonGAN's discriminator keeps and returns whole batches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from baselines._cartoongan_networks import BatchPool
from ugbench.nn.across_ranks import Ranks


def batch(number: float, n: int = 2) -> Tensor:
    """A batch whose images are `number` and a little more, so that they are told apart."""
    return (number + torch.arange(n) / 10).view(n, 1, 1, 1).expand(n, 3, 8, 12).clone()


def numbers(images: Tensor) -> list[float]:
    return [round(float(image.mean()), 4) for image in images]


def draws(coin: float, slot: float = 0.0) -> Tensor:
    return torch.tensor([coin, slot])


def test_batches_are_kept_until_it_is_full_and_then_exchanged_whole_or_passed_on() -> None:
    pool = BatchPool(2, 2, (12, 8))
    assert numbers(pool(batch(1), draws(0.9))) == [1, 1.1]
    assert numbers(pool(batch(2), draws(0.9))) == [2, 2.1]
    assert numbers(pool(batch(3), draws(0.5, 0.9))) == [3, 3.1]  # a coin that is not above 0.5
    assert numbers(pool.images) == [1, 1.1, 2, 2.1]
    assert numbers(pool(batch(4), draws(0.51, 0.5))) == [2, 2.1]
    assert numbers(pool.images) == [1, 1.1, 4, 4.1]
    assert numbers(pool(batch(5), draws(0.9, 0.49))) == [1, 1.1]
    assert numbers(pool(batch(6), draws(0.9, 1.0))) == [4, 4.1]  # 1.0 may come of rounding
    assert numbers(pool.images) == [5, 5.1, 6, 6.1]


def test_without_capacity_the_new_batch_is_returned() -> None:
    pool = BatchPool(0, 2, 8)
    assert numbers(pool(batch(1), draws(0.9))) == [1, 1.1]
    assert pool.images.numel() == 0


def test_a_smaller_batch_has_more_places() -> None:
    pool = BatchPool(1, 2, (12, 8))
    for number in (1, 2):
        assert numbers(pool(batch(number, 1), draws(0.9))) == [number]
    assert numbers(pool(batch(3, 1), draws(0.9, 0.6))) == [2]
    assert numbers(pool(batch(4, 3), draws(0.9))) == [4, 4.1, 4.2]  # it has no place
    assert numbers(pool.images) == [1, 3]


def test_what_it_returns_has_no_gradient_and_its_own_type() -> None:
    pool = BatchPool(1, 2, (12, 8))
    images = batch(1).to(torch.bfloat16).requires_grad_()
    for _ in range(2):
        returned = pool(images, draws(0.9))
        assert not returned.requires_grad and returned.dtype == torch.float32
    assert not pool.images.requires_grad


def test_it_is_state() -> None:
    pool, other = BatchPool(2, 2, (12, 8)), BatchPool(2, 2, (12, 8))
    pool(batch(1), draws(0.9))
    other.load_state_dict(pool.state_dict())
    assert int(other.filled) == 1 and other.images.equal(pool.images)


@pytest.mark.parametrize("rank", [0, 1])
def test_with_two_ranks_each_stores_the_whole_batch_and_gets_its_part(
    rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = BatchPool(1, 4, (12, 8))
    pool.ranks = Ranks(rank, 2)
    whole = [batch(1, 4), batch(2, 4)]
    for images, expected in zip(whole, (whole[0], whole[0]), strict=True):
        monkeypatch.setattr(Ranks, "gathered", lambda _self, _part, images=images: images)
        part = slice(2 * rank, 2 * rank + 2)
        assert numbers(pool(images[part], draws(0.9))) == numbers(expected[part])
    assert numbers(pool.images) == numbers(whole[1])
