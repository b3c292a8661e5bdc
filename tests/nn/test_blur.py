"""Antialiased down- and upsampling equals the kernels of its definition."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ugbench.nn.blur import BlurDown, BlurUp


def test_a_line_is_halved_by_a_blur_that_mirrors_the_border() -> None:
    line = torch.tensor([4.0, 8.0, 0.0, 0.0, 12.0, 4.0])
    # [1, 2, 1] / 4 at 0, 2 and 4; left of the first pixel stands the second.
    halved = torch.tensor([(8 + 2 * 4 + 8) / 4, (8 + 0 + 0) / 4, (0 + 2 * 12 + 4) / 4])
    image = line.expand(1, 2, 6, 6)
    torch.testing.assert_close(BlurDown()(image), halved.expand(1, 2, 3, 3))
    torch.testing.assert_close(BlurDown()(image.mT), halved.expand(1, 2, 3, 3).mT)


@pytest.mark.parametrize(("size", "half"), [(2, 1), (5, 3), (6, 3)])
def test_odd_sizes_round_up(size: int, half: int) -> None:
    assert BlurDown()(torch.rand(1, 1, size, size)).shape == (1, 1, half, half)


def test_a_point_away_from_the_border_keeps_a_quarter_of_its_sum_and_channels_do_not_meet() -> None:
    x = torch.zeros(1, 2, 8, 8)
    x[0, 0, 4, 4] = 16
    expected = torch.zeros(1, 2, 4, 4)
    expected[0, 0, 2, 2] = 4
    torch.testing.assert_close(BlurDown()(x), expected)
    x = x.roll((1, 1), (2, 3))
    assert float(BlurDown()(x).sum()) == 4


def test_a_line_is_doubled_by_three_quarters_and_a_quarter_and_repeats_its_border() -> None:
    doubled = torch.tensor([4.0, 5.0, 7.0, 6.0, 2.0, 0.0])
    image = torch.tensor([4.0, 8.0, 0.0]).expand(1, 1, 3, 3)
    torch.testing.assert_close(BlurUp()(image), doubled.expand(1, 1, 6, 6))
    torch.testing.assert_close(BlurUp()(image.mT), doubled.expand(1, 1, 6, 6).mT)


def test_doubling_is_the_transposed_convolution_with_1331_over_repeated_borders() -> None:
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64)
    kernel = (line[:, None] * line / 16).expand(3, 1, 4, 4)
    x = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    wide = F.conv_transpose2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=3)
    torch.testing.assert_close(BlurUp()(x), wide[..., 3:-3, 3:-3], rtol=0, atol=1e-14)


def test_blurs_have_no_state_and_work_after_a_build_on_the_meta_device() -> None:
    with torch.device("meta"):
        blurs = (BlurDown(), BlurUp())
    for blur in blurs:
        assert not blur.state_dict()
        made = blur.to("cpu")(torch.ones(1, 1, 4, 4, dtype=torch.float64))
        assert made.equal(torch.ones_like(made))


def test_under_bfloat16_the_kernel_is_exact() -> None:
    x = torch.zeros(1, 1, 6, 6, dtype=torch.bfloat16)
    x[0, 0, 2, 2] = 16
    with torch.autocast("cpu", torch.bfloat16):
        assert BlurDown()(x)[0, 0].tolist() == [[0, 0, 0], [0, 4, 0], [0, 0, 0]]
