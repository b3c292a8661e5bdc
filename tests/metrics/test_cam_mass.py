import pytest
import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import cam_mass


def images(n: int = 2, columns: int = 2) -> tuple[Tensor, Tensor]:
    """Sources of one level and truths whose last `columns` of 8 differ from it, uint8 (n, 3, 8, 8)."""
    source = torch.full((n, 3, 8, 8), 100, dtype=torch.uint8)
    truth = source.clone()
    truth[..., 8 - columns :] = 200
    return source, truth


def heat(*columns: float, n: int = 2) -> Tensor:
    """Maps (n, 1, 8, 8) of one value a column."""
    return torch.tensor(columns).expand(n, 1, 8, 8)


def value(maps: Tensor, columns: int = 2) -> float:
    return cam_mass.compute(maps, *images(len(maps), columns)).value


def test_all_mass_inside_is_one_over_the_regions_share_and_none_is_zero() -> None:
    assert value(heat(0, 0, 0, 0, 0, 0, 1, 1)) == pytest.approx(4.0)
    assert value(heat(0, 0, 0, 0, 0, 0, 1, 1), columns=4) == pytest.approx(2.0)
    assert value(heat(1, 1, 0, 0, 0, 0, 0, 0)) == 0.0


def test_half_of_the_mass_in_a_quarter_of_the_image_is_two() -> None:
    assert value(heat(1, 1, 0, 0, 0, 0, 1, 1)) == pytest.approx(2.0)
    assert value(heat(3, 1, 0, 0, 0, 0, 2, 2)) == pytest.approx(2.0)


def test_a_constant_map_is_uniform_and_neither_offset_nor_scale_matters() -> None:
    assert value(heat(*[7.0] * 8)) == pytest.approx(1.0)
    assert value(heat(*[-7.0] * 8)) == pytest.approx(1.0)
    maps = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert value(1000 * maps - 300) == pytest.approx(value(maps), rel=1e-5)


def test_small_maps_are_enlarged_as_overlays_are() -> None:
    small = torch.tensor([[0.0, 1.0], [0.0, 1.0]]).expand(2, 1, 2, 2)
    # Bilinear, corners not aligned: columns 0, 0, 1/8, 3/8, 5/8, 7/8, 1, 1.
    assert value(small) == pytest.approx((2 / 4) / (2 / 8))
    assert value(small, columns=4) == pytest.approx((3.5 / 4) / (4 / 8))


def test_images_weigh_alike_and_those_without_a_region_are_left_out() -> None:
    source, truth = images(3)
    truth[2] = source[2]
    maps = torch.cat([heat(0, 0, 0, 0, 0, 0, 1, 1, n=1), heat(1, 1, 0, 0, 0, 0, 1, 1, n=1), heat(*range(8), n=1)])
    score = cam_mass.compute(maps, source, truth)
    assert score.value == pytest.approx((4 + 2) / 2)
    assert score.se == pytest.approx(1.0), "the standard deviation of 4 and 2 over the root of 2"
    assert score.low is None


def test_more_images_than_a_chunk_are_all_counted_and_have_an_interval() -> None:
    maps = torch.cat([heat(0, 0, 0, 0, 0, 0, 1, 1, n=50), heat(1, 1, 0, 0, 0, 0, 0, 0, n=50)])
    score = cam_mass.compute(maps, *images(100))
    assert score.value == pytest.approx(2.0)
    assert score.low == pytest.approx(2 - 1.98422 * 2 / 99**0.5, abs=1e-4)


def test_a_threshold_says_which_pixels_should_change() -> None:
    source, truth = images()
    truth[..., 0] = 103
    maps = heat(1, 0, 0, 0, 0, 0, 0, 0)
    assert cam_mass.compute(maps, source, truth).value == pytest.approx(8 / 3)
    assert cam_mass.compute(maps, source, truth, threshold=3).value == 0.0


def test_what_has_no_value_is_refused_in_words() -> None:
    source, truth = images()
    with pytest.raises(UsageError, match="leave this metric out"):
        cam_mass.compute(heat(*range(8)), source, source)
    with pytest.raises(UsageError, match="3 attention maps and 2 images"):
        cam_mass.compute(heat(*range(8), n=3), source, truth)
    with pytest.raises(UsageError, match="do not match"):
        cam_mass.compute(heat(*range(8), n=1), source, truth[:1])
    with pytest.raises(UsageError, match="threshold=256"):
        cam_mass.compute(heat(*range(8)), source, truth, threshold=256)


def test_where_nearly_all_should_change_it_says_that_no_map_can_be_far_from_uniform() -> None:
    score = cam_mass.compute(heat(*range(8)), *images(columns=8))
    assert score.value == pytest.approx(1.0)
    assert score.warning is not None
    assert "100% of the image should change, so no map can reach more than 1.00" in score.warning
    assert cam_mass.compute(heat(*range(8)), *images(columns=7)).warning is None
