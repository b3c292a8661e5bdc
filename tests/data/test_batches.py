from typing import Any

import pytest
import torch
from torch import Tensor

from ugbench.data.batches import Batches, training_size
from ugbench.method import Batch, Draw

SIZE, SIDE = 32, 36
DRAWS = {
    "style": Draw("normal", (5,)),
    "pool": Draw("uniform", (2, 3)),
    "patches": Draw("uniform", (4,), per="step"),
}


def numbered(count: int, side: int = SIDE) -> Tensor:
    """Images of one level each, so that a crop shows which image it comes from."""
    return torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, side, side).clone()


def ramps(count: int) -> Tensor:
    """Images whose first channel holds the column and second the row."""
    column = torch.arange(SIDE, dtype=torch.uint8).expand(SIDE, SIDE)
    return torch.stack([column, column.T, column * 0]).expand(count, -1, -1, -1).clone()


def make(a: Tensor, b: Tensor, batch_size: int = 4, seed: int = 0, **options: Any) -> Batches:
    fields: dict[str, Any] = {"size": SIZE, "draws": DRAWS, "device": "cpu"} | options
    return Batches(a, b, batch_size=batch_size, seed=seed, **fields)


def levels(images: Tensor) -> Tensor:
    return ((images + 1) * 127.5).round().long()


def same(first: Batch, second: Batch) -> bool:
    draws = first.draws.keys() == second.draws.keys() and all(
        first.draws[k].equal(second.draws[k]) for k in first.draws
    )
    return first.a.equal(second.a) and first.b.equal(second.b) and draws and first.step == second.step


def test_training_images_are_stored_larger_as_in_the_paper() -> None:
    assert [training_size(size) for size in (256, 64, 32)] == [286, 72, 36]


def test_a_batch_depends_on_its_step_alone_not_on_what_was_asked_before() -> None:
    a, b = ramps(7), numbered(5)
    batches = make(a, b)
    first = batches.at(5)
    for step in (0, 9, 40, 3):
        batches.at(step)
    assert same(batches.at(5), first)
    assert same(make(a, b).at(5), first)


def test_another_step_or_another_seed_gives_another_batch() -> None:
    a, b = ramps(7), numbered(5)
    batch = make(a, b).at(5)
    for other in (make(a, b).at(6), make(a, b, seed=1).at(5)):
        assert not batch.a.equal(other.a)
        assert all(not batch.draws[name].equal(other.draws[name]) for name in DRAWS)


@pytest.mark.parametrize("batch_size", [1, 3, 25])
def test_every_epoch_visits_each_image_once_in_a_new_order(batch_size: int) -> None:
    count = 10
    batches = make(numbered(count), numbered(count), batch_size)
    steps = range(-(-3 * count // batch_size))
    for domain in ("a", "b"):
        seen = torch.cat([levels(getattr(batches.at(step), domain))[:, 0, 0, 0] for step in steps]).tolist()
        epochs = [tuple(seen[i : i + count]) for i in range(0, 3 * count, count)]
        assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
        assert len(set(epochs)) == 3


def test_the_domains_are_shuffled_independently_and_each_has_its_own_epochs() -> None:
    batches = make(numbered(8), numbered(8), batch_size=8)
    assert batches.indices("a", 0) != batches.indices("b", 0)
    uneven = make(numbered(6), numbered(4), batch_size=2)
    assert sorted(i for step in range(3) for i in uneven.indices("a", step)) == list(range(6))
    assert sorted(i for step in range(2) for i in uneven.indices("b", step)) == list(range(4))


def test_crops_reach_every_corner_and_half_are_mirrored() -> None:
    batches = make(ramps(1), ramps(1), batch_size=300)
    for crops in (levels(batches.at(0).a), levels(batches.at(0).b)):
        columns, rows = crops[:, 0, 0], crops[:, 1, :, 0]
        mirrored = columns[:, 0] > columns[:, -1]
        assert set(columns.amin(1).tolist()) == set(range(SIDE - SIZE + 1))
        assert set(rows[:, 0].tolist()) == set(range(SIDE - SIZE + 1))
        assert 0.4 < mirrored.double().mean() < 0.6
        # A crop is a window, mirrored from left to right or not at all.
        straight = torch.where(mirrored[:, None], columns.flip(1), columns)
        assert (straight.diff(dim=1) == 1).all()
        assert (rows.diff(dim=1) == 1).all()


def test_crops_and_mirroring_change_from_step_to_step() -> None:
    batches = make(ramps(1), ramps(1), batch_size=1)
    crops = torch.cat([levels(batches.at(step).a) for step in range(40)])
    assert len(crops[:, 1, 0, 0].unique()) > 2
    assert len(crops[:, 0].amin((1, 2)).unique()) > 2
    assert len((crops[:, 0, 0, 0] > crops[:, 0, 0, -1]).unique()) == 2


def test_a_and_b_are_cropped_and_mirrored_apart() -> None:
    batch = make(ramps(1), ramps(1), batch_size=50).at(0)
    assert not batch.a.equal(batch.b)
    a, b = levels(batch.a), levels(batch.b)
    assert (a[:, 1, 0, 0] != b[:, 1, 0, 0]).any()
    assert ((a[:, 0, 0, 0] > a[:, 0, 0, -1]) != (b[:, 0, 0, 0] > b[:, 0, 0, -1])).any()


def test_images_lie_between_minus_one_and_one() -> None:
    extremes = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, SIDE, SIDE)
    batch = make(extremes, extremes, batch_size=2).at(0)
    assert batch.a.shape == (2, 3, SIZE, SIZE)
    assert (batch.a.dtype, batch.a.min().item(), batch.a.max().item()) == (torch.float32, -1.0, 1.0)
    assert make(extremes, extremes, dtype=torch.float64).at(0).a.dtype == torch.float64


def test_draws_have_their_shapes_and_distributions() -> None:
    draws = make(ramps(1), ramps(1), batch_size=2000).at(3).draws
    assert {name: tuple(value.shape) for name, value in draws.items()} == {
        "style": (2000, 5),
        "pool": (2000, 2, 3),
        "patches": (4,),
    }
    assert draws["style"].mean().item() == pytest.approx(0, abs=0.05)
    assert draws["style"].std().item() == pytest.approx(1, abs=0.05)
    assert draws["pool"].min() >= 0
    assert draws["pool"].max() < 1
    assert draws["pool"].mean().item() == pytest.approx(0.5, abs=0.02)


def test_two_draws_of_one_kind_differ() -> None:
    twice = {"first": Draw("uniform", (6,)), "second": Draw("uniform", (6,))}
    draws = make(ramps(1), ramps(1), draws=twice).at(0).draws
    assert not draws["first"].equal(draws["second"])


def test_uniform_draws_stay_below_one_in_half_precision() -> None:
    many = {"u": Draw("uniform", (2000,))}
    batch = make(ramps(1), ramps(1), draws=many, dtype=torch.bfloat16).at(0)
    assert batch.a.dtype == torch.bfloat16
    assert batch.draws["u"].dtype == torch.float32
    assert batch.draws["u"].max() < 1


def test_the_default_generator_is_neither_read_nor_moved() -> None:
    batches = make(ramps(3), ramps(3))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = batches.at(0)
    assert torch.get_rng_state().equal(before)
    torch.manual_seed(1)
    assert same(batches.at(0), first)


@pytest.mark.parametrize("images", [numbered(2, SIDE - 1), numbered(2).float(), numbered(0)])
def test_images_of_another_size_or_type_and_no_images_are_refused(images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"b: .* was given; expected uint8 \(n, 3, 36, 36\)\."):
        make(numbered(2), images)
