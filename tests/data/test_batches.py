import hashlib
from typing import Any

import pytest
import torch
from torch import Tensor
from toy_runs import Toy, toy

from ugbench.data.batches import Batches, method_batches
from ugbench.image_size import zoomed
from ugbench.method import Batch, Draw

__all__ = ["toy"]

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
    assert [zoomed(size) for size in (256, 64, 32)] == [286, 72, 36]
    assert [zoomed(size) for size in ((128, 256), (256, 512), (64, 32))] == [(143, 286), (286, 572), (72, 36)]


def test_a_zoom_of_1_crops_nothing_and_still_mirrors() -> None:
    images = ramps(3)[:, :, :SIZE, :SIZE]
    batches, whole = make(images, images, zoom=1), images[0].long()
    seen = [image for step in range(6) for image in levels(batches.at(step).a)]
    mirrored = [image.equal(whole.flip(-1)) for image in seen]
    assert all(image.equal(whole) or is_mirrored for image, is_mirrored in zip(seen, mirrored, strict=True))
    assert 0 < sum(mirrored) < len(seen)


def test_images_of_another_zoom_are_refused() -> None:
    images = numbered(3)
    given, expected = (rf"\({count}, 3, {side}, {side}\)" for count, side in ((3, SIDE), ("n", SIZE)))
    with pytest.raises(ValueError, match=f"{given} was given; expected uint8 {expected}"):
        make(images, images, zoom=1)


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


GOLDEN = "a85e527f175a539b7fbf25c29d8bf8421bf9bf445b3076ae79de115ba467d68e"


def golden_images() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(3)
    return tuple(torch.randint(0, 256, (n, 3, SIDE, SIDE), generator=random, dtype=torch.uint8) for n in (7, 5))


@pytest.mark.parametrize("with_extra", [False, True])
def test_the_bits_of_two_domains_are_those_of_runs_that_began_with_earlier_versions(with_extra: bool) -> None:
    extra = {"edgesB": numbered(4)} if with_extra else {}
    batches = make(*golden_images(), 3, 11, draws={"n": Draw("normal", (4,))}, extra=extra)
    assert [batches.indices("a", step) for step in range(4)] == [[3, 5, 4], [0, 1, 2], [6, 0, 5], [1, 6, 4]]
    assert [batches.indices("b", step) for step in range(4)] == [[3, 1, 2], [0, 4, 4], [0, 3, 1], [2, 1, 2]]
    digest = hashlib.sha256()
    for step in range(6):
        batch = batches.at(step)
        for tensor in (batch.a, batch.b, batch.draws["n"]):
            digest.update(tensor.numpy().tobytes())
    assert digest.hexdigest() == GOLDEN


def test_each_further_split_has_its_own_shuffled_epochs() -> None:
    batches = make(numbered(6), numbered(6), 2, extra={"edgesB": numbered(6), "poses": numbered(4)})
    seen = {
        name: [levels(batches.at(step).extra[name])[:, 0, 0, 0].tolist() for step in range(6)] for name in batches.extra
    }
    assert seen["edgesB"] == [batches.indices("edgesB", step) for step in range(6)]
    for name, count in (("edgesB", 6), ("poses", 4)):
        flat = [index for indices in seen[name] for index in indices]
        epochs = [flat[first : first + count] for first in range(0, len(flat), count)]
        assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
        assert epochs[0] != epochs[1]
    assert seen["edgesB"] != [batches.indices("a", step) for step in range(6)]
    assert seen["edgesB"] != [batches.indices("b", step) for step in range(6)]


def test_further_images_are_cropped_and_mirrored_as_the_domains_and_apart_from_them() -> None:
    batch = make(ramps(1), ramps(1), 50, extra={"edgesB": ramps(1)}).at(0)
    crops = levels(batch.extra["edgesB"])
    columns, rows = crops[:, 0, 0], crops[:, 1, :, 0]
    assert (columns.amin(1) + SIZE - 1).equal(columns.amax(1)) and (rows.diff(dim=1) == 1).all()
    assert 0 < (columns[:, 0] > columns[:, -1]).sum() < 50
    assert not crops.equal(levels(batch.a)) and not crops.equal(levels(batch.b))


def coded(count: int, sign: int) -> Tensor:
    """Images whose channels hold the column, the row and the number of the image; a negative of it with sign -1."""
    images = ramps(count)
    images[:, 2] = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1)
    return images if sign == 1 else 255 - images


def test_pairs_come_together_with_the_same_crop_and_mirroring() -> None:
    batches = make(coded(5, 1), coded(5, -1), 8, extra={"poses": coded(5, -1)}, paired=True)
    for step in range(6):
        batch = batches.at(step)
        assert levels(batch.b).equal(255 - levels(batch.a))
        assert batch.extra["poses"].equal(batch.b)
        assert levels(batch.a)[:, 2, 0, 0].tolist() == batches.indices("b", step) == batches.indices("a", step)
    alone = make(coded(5, 1), coded(5, -1), 8).at(0)
    assert alone.a.equal(batches.at(0).a)
    assert not levels(alone.b).equal(255 - levels(alone.a))


def test_incomplete_pairs_and_images_of_another_split_are_refused(toy: type[Toy]) -> None:
    with pytest.raises(ValueError, match="expected equally many, in pairs"):
        make(numbered(3), numbered(3), extra={"poses": numbered(2)}, paired=True)
    with pytest.raises(ValueError, match="edgesB: "):
        make(numbered(3), numbered(3), extra={"edgesB": numbered(2, SIDE - 1)})
    method = toy(toy.make_config("smoke"))
    with pytest.raises(ValueError, match=r"extra has \['edgesB'\]; expected the images of \[\]"):
        method_batches(method, numbered(2, 9), numbered(2, 9), 0, torch.device("cpu"), {"edgesB": numbered(2, 9)})


def wide(height: int, width: int) -> Tensor:
    """An image (3, h, w) whose first channel holds the column and second the row."""
    column = torch.arange(width, dtype=torch.uint8).expand(height, width)
    row = torch.arange(height, dtype=torch.uint8).view(-1, 1).expand(height, width)
    return torch.stack([column, row, row * 0])


def corners(batch: Tensor) -> list[tuple[int, int]]:
    """The left column and the top row of each crop of `wide`, whichever way it is mirrored."""
    return [(int(crop[0].min()), int(crop[1].min())) for crop in levels(batch)]


def test_crops_of_images_of_many_shapes_lie_anywhere_in_them() -> None:
    images = [wide(SIDE, 90), wide(70, SIDE)]
    batches = make(images, images, batch_size=2)
    of_image: dict[int, set[tuple[int, int]]] = {0: set(), 1: set()}
    for step in range(300):
        for index, corner in zip(batches.indices("a", step), corners(batches.at(step).a), strict=True):
            of_image[index].add(corner)
    lefts, tops = ([set(places) for places in zip(*of_image[index], strict=True)] for index in (0, 1))
    assert lefts == [set(range(90 - SIZE + 1)), set(range(SIDE - SIZE + 1))]
    assert tops == [set(range(SIDE - SIZE + 1)), set(range(70 - SIZE + 1))]
    assert batches.at(3).a.shape == (2, 3, SIZE, SIZE)
    assert same(make(images, images, batch_size=2).at(7), batches.at(7))


def test_a_list_of_squares_gives_the_batches_of_one_tensor() -> None:
    a, b = ramps(7), numbered(5)
    assert all(same(make(list(a), list(b)).at(step), make(a, b).at(step)) for step in range(9))


def test_pairs_of_one_shape_are_cropped_alike_and_of_two_shapes_refused() -> None:
    a, b = [wide(SIDE, 90), wide(SIDE, 40)], [wide(SIDE, 90), wide(SIDE, 40)]
    batches = make(a, b, paired=True)
    assert all(batches.at(step).a.equal(batches.at(step).b) for step in range(9))
    with pytest.raises(ValueError, match="pairs of two shapes"):
        make(a, b[::-1], paired=True)


@pytest.mark.parametrize("image", [wide(SIDE - 1, 90), wide(SIDE + 1, 90), wide(SIDE, 90).float(), wide(SIDE, 90)[:2]])
def test_images_of_another_shorter_side_or_type_are_refused(image: Tensor) -> None:
    with pytest.raises(ValueError, match=rf"\(n, 3, {SIDE}, {SIDE}\), or \(3, h, w\) of that height or width"):
        make([wide(SIDE, 90), image], [wide(SIDE, 90)])


def test_batches_of_squares_have_the_bits_that_they_had_before_there_were_rectangles() -> None:
    random = torch.Generator().manual_seed(0)
    shapes = [(SIDE, SIDE), (SIDE + 1, SIDE), (SIDE, SIDE + 6), (SIDE + 3, SIDE)]
    a = torch.randint(0, 256, (5, 3, SIDE, SIDE), dtype=torch.uint8, generator=random)
    b = [torch.randint(0, 256, (3, *shape), dtype=torch.uint8, generator=random) for shape in shapes]
    draws = {"noise": Draw("normal", (4, 8, 8))}
    batches = Batches(a, b, size=SIZE, batch_size=3, seed=7, draws=draws, device="cpu")
    bits = hashlib.sha256()
    for step in range(6):
        batch = batches.at(step)
        for tensor in (batch.a, batch.b, batch.draws["noise"]):
            bits.update(tensor.numpy().tobytes())
    assert bits.hexdigest() == "14feb1f86aa6fd489f0cd532f5faf7395e71f8cf22fc650475275b35fe8a0819"


@pytest.mark.parametrize("stored", [torch.stack, list])
def test_rectangles_are_cut_at_random_places_and_mirrored(stored: Any) -> None:
    """Each pixel holds its column and row, so that a crop says where it was cut, without the code that cut it."""
    width, height, across, down = 32, 16, 36, 18
    assert zoomed((width, height)) == (across, down)
    column = torch.arange(across, dtype=torch.uint8).expand(down, across)
    row = torch.arange(down, dtype=torch.uint8)[:, None].expand(down, across)
    images = stored([torch.stack([column, row, torch.full_like(row, number)]) for number in range(5)])
    batches = make(images, images, batch_size=2, size=(width, height))
    places, mirrored = set(), set()
    for step in range(300):
        for crop, index in zip(levels(batches.at(step).a), batches.indices("a", step), strict=True):
            assert crop.shape == (3, height, width) and crop[2].unique().tolist() == [index]
            is_mirrored = bool(crop[0, 0, 0] > crop[0, 0, -1])
            upright = crop.flip(-1) if is_mirrored else crop
            left, top = int(upright[0, 0, 0]), int(upright[1, 0, 0])
            assert upright[0].equal(torch.arange(left, left + width).expand(height, width))
            assert upright[1].equal(torch.arange(top, top + height)[:, None].expand(height, width))
            places.add((left, top))
            mirrored.add(is_mirrored)
    assert mirrored == {False, True}
    assert places == {(left, top) for left in range(across - width + 1) for top in range(down - height + 1)}


@pytest.mark.parametrize("shape", [(36, 18), (18, 35), (17, 36), (19, 37), (40, 40)])
def test_images_that_do_not_just_cover_a_rectangle_are_refused(shape: tuple[int, int]) -> None:
    """Shapes are (height, width); images that a crop of 32x16 px may be cut from are 18 px high or 36 px wide."""
    fitting = [torch.zeros(3, 18, 36, dtype=torch.uint8), torch.zeros(3, 18, 50, dtype=torch.uint8)]
    fitting.append(torch.zeros(3, 40, 36, dtype=torch.uint8))
    assert make(fitting, fitting, size=(32, 16)).at(0).a.shape == (4, 3, 16, 32)
    with pytest.raises(ValueError, match=r"expected uint8 \(n, 3, 18, 36\), or"):
        make([*fitting, torch.zeros(3, *shape, dtype=torch.uint8)], fitting, size=(32, 16))


def test_a_method_gets_batches_of_its_rectangle(toy: type[Toy]) -> None:
    method = Toy(Toy.make_config("smoke", None, {"size": "12x8"}))
    images = torch.zeros(3, 3, 9, 13, dtype=torch.uint8)
    assert method_batches(method, images, images, 0, torch.device("cpu"), {}).at(0).a.shape == (1, 3, 8, 12)


def test_a_method_gets_batches_of_the_zoom_of_its_config(toy: type[Toy]) -> None:
    method = Toy(Toy.make_config("smoke", None, {"size": 8, "zoom": 1}))
    images = numbered(3, 8)
    assert method_batches(method, images, images, 0, torch.device("cpu"), {}).at(0).a.shape == (1, 3, 8, 8)
