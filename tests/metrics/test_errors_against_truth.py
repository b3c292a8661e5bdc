"""L1, PSNR, SSIM and LPIPS against the true translation, checked by hand or against other implementations."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import convolve2d
from scipy.stats import skew
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import l1_truth, lpips_truth, psnr, ssim
from ugbench.metrics._intervals import skewed_interval

LUMA = np.array([0.299, 0.587, 0.114])


def noise(n: int, height: int = 24, width: int = 17, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 3, height, width), generator=generator, dtype=torch.uint8)


def near(truth: Tensor, amount: float, seed: int = 1) -> Tensor:
    """Images that differ from the truth by noise."""
    generator = torch.Generator().manual_seed(seed)
    return (truth + amount * torch.randn(truth.shape, generator=generator)).round().clamp(0, 255).to(torch.uint8)


def ssim_by_formula(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Equation 13 of Wang et al. with the Gaussian window of section III.C, for one channel with levels 0 to 255."""
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()

    def local(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(convolve2d(values, weights, mode="valid"))

    mean_x, mean_y = local(x), local(y)
    variance_x, variance_y = local(x * x) - mean_x**2, local(y * y) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    upper = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    lower = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float((upper / lower).mean())


def test_l1_is_the_mean_absolute_error_of_values_from_0_to_1() -> None:
    truth = torch.full((2, 3, 4, 4), 100, dtype=torch.uint8)
    output = truth.clone()
    output[0, 1, :, :2] = 49  # a sixth of the values of the first image is off by 51 of 255
    output[1] = 151
    score = l1_truth.compute(output, truth)
    assert score.each == pytest.approx((0.2 / 6, 0.2))
    assert score.value == pytest.approx((0.2 / 6 + 0.2) / 2)
    assert l1_truth.compute(torch.zeros_like(truth), torch.full_like(truth, 255)).value == 1
    assert l1_truth.compute(truth, truth).value == 0


def test_psnr_is_that_of_its_formula() -> None:
    truth, output = noise(3), near(noise(3), 20)
    squared = (output.double() - truth.double()).square().flatten(1).mean(1)
    expected = [10 * math.log10(255**2 / float(error)) for error in squared]
    score = psnr.compute(output, truth)
    assert score.each == pytest.approx(expected, rel=1e-5)
    assert score.value == pytest.approx(sum(expected) / 3, rel=1e-5)
    assert score.warning is None


def test_psnr_of_luma_is_of_one_weighted_channel() -> None:
    truth, output = noise(2), near(noise(2), 20)
    grey = [np.tensordot(LUMA, images.double().numpy(), (0, 1)) for images in (output, truth)]
    expected = [10 * math.log10(255**2 / np.square(x - y).mean()) for x, y in zip(*grey, strict=True)]
    assert psnr.compute(output, truth, colour="luma").each == pytest.approx(expected, rel=1e-5)


def test_an_output_that_is_the_truth_counts_as_100_db_and_is_named() -> None:
    truth = noise(2)
    score = psnr.compute(torch.cat([truth[:1], near(truth[1:], 20)]), truth)
    assert score.each is not None and score.each[0] == 100 and 10 < score.each[1] < 40
    assert score.warning is not None and score.warning.startswith("psnr: 1 of 2 images count as 100 dB, because they")


def test_ssim_is_that_of_the_papers_formula() -> None:
    truth = noise(3)
    output = torch.cat([near(truth[:1], 10), near(truth[1:2], 60), truth[2:]])
    x, y = output.double().numpy(), truth.double().numpy()
    expected = [np.mean([ssim_by_formula(x[i, c], y[i, c]) for c in range(3)]) for i in range(3)]
    score = ssim.compute(output, truth)
    assert score.each == pytest.approx(expected, abs=1e-5)
    assert 0.3 < expected[1] < expected[0] < 1 == pytest.approx(expected[2])
    assert score.value == pytest.approx(np.mean(expected), abs=1e-5)


def test_ssim_of_luma_is_of_one_weighted_channel() -> None:
    truth, output = noise(1), near(noise(1), 30)
    grey = [np.tensordot(LUMA, images[0].double().numpy(), (0, 0)) for images in (output, truth)]
    assert ssim.compute(output, truth, colour="luma").value == pytest.approx(ssim_by_formula(*grey), abs=1e-5)


def test_ssim_needs_images_of_the_size_of_its_window() -> None:
    assert -1 <= ssim.compute(noise(1, 11, 11), noise(1, 11, 11, seed=1)).value < 1
    with pytest.raises(UsageError, match=r"ssim: images of 30 x 10 px are smaller than its window of 11 x 11 px"):
        ssim.compute(noise(1, 10, 30), noise(1, 10, 30))


def test_lpips_against_the_truth_is_the_mean_of_its_distances() -> None:
    score = lpips_truth.compute(torch.tensor([0.0, 0.4, 2.0]))
    assert score.value == pytest.approx(0.8)
    assert score.se == pytest.approx((1.12 / 3) ** 0.5)
    assert score.each == pytest.approx((0, 0.4, 2))
    with pytest.raises(UsageError, match="lpips_truth: there are no pairs"):
        lpips_truth.compute(torch.zeros(0))


@pytest.mark.parametrize("metric", [l1_truth, psnr, ssim])
def test_a_score_is_the_mean_over_all_images_with_its_error(metric: ModuleType) -> None:
    truth = noise(60, 12, 12)  # more than a chunk
    score = metric.compute(near(truth, 30), truth)
    assert len(score.each) == 60
    assert score.value == pytest.approx(np.mean(score.each))
    assert score.se == pytest.approx(np.std(score.each, ddof=1) / 60**0.5)
    ends = skewed_interval(score.value, score.se, skew(score.each, bias=False), 60)
    assert (score.low, score.high) == pytest.approx(ends, rel=1e-6)


@pytest.mark.parametrize("metric", [l1_truth, psnr, ssim])
def test_images_that_do_not_match_their_truth_are_refused(metric: ModuleType) -> None:
    for output, truth in ((noise(2), noise(1)), (noise(1), noise(1, 25)), (noise(0), noise(0))):
        with pytest.raises(UsageError, match="do not match"):
            metric.compute(output, truth)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_an_unknown_colour_is_refused(metric: ModuleType) -> None:
    with pytest.raises(UsageError, match=r"colour='lab' was given; give rgb or luma\."):
        metric.compute(noise(1), noise(1), colour="lab")


def test_which_values_are_better() -> None:
    better = {metric: metric.METRIC.higher_is_better for metric in (l1_truth, lpips_truth, psnr, ssim)}
    assert better == {l1_truth: False, lpips_truth: False, psnr: True, ssim: True}
