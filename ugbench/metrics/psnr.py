"""Peak signal-to-noise ratio of outputs against their true translations, in dB."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import COLOUR, DATA_RANGE

if TYPE_CHECKING:
    from torch import Tensor

MOST = 100  # dB


def compute(
    output: Tensor, truth: Tensor, data_range: float = DATA_RANGE, colour: str = COLOUR, most: float = MOST
) -> Score:
    """Mean over images of 10 log10(data_range^2 / MSE), by torchmetrics, with the MSE over pixels and channels.

    It is the mean of the images' ratios, not the ratio of their mean error. An output that is equal to the truth has no
    finite ratio. So an image counts `most` dB at most, and a warning says how many do.

    Args:
        output, truth: uint8 (n, 3, h, w).
        data_range: levels, the largest possible difference.
        colour: "rgb" compares red, green and blue, "luma" one grey channel (see `ugbench.metrics._truth.in_colour`).
        most: dB, of one image.
    Raises:
        UsageError: the shapes do not match, or there is no such colour.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    from ugbench.metrics._intervals import mean_of_each
    from ugbench.metrics._truth import each_compared, in_colour

    def compare(x: Tensor, y: Tensor) -> Tensor:
        x, y = (in_colour("psnr", levels, colour) for levels in (x, y))
        return peak_signal_noise_ratio(x, y, data_range=float(data_range), reduction="none", dim=(1, 2, 3))

    ratios = each_compared("psnr", output, truth, compare)
    score = mean_of_each(ratios.clamp(max=most))
    equal = int((ratios >= most).sum())
    if not equal:
        return score
    why = "because they hardly differ from the truth, or not at all"
    return replace(score, warning=f"psnr: {equal} of {len(ratios)} images count as {most:g} dB, {why}.")


METRIC = Metric(
    title="PSNR (dB)",
    compute=compute,
    needs=("output_tensor", "truth_tensor"),
    higher_is_better=True,
    settings={"data_range": DATA_RANGE, "colour": COLOUR, "most": MOST},
)
