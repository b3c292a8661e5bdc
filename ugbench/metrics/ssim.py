"""Structural similarity of outputs to their true translations (Wang et al., IEEE Trans. Image Processing 13, 2004)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import COLOUR, DATA_RANGE

if TYPE_CHECKING:
    from torch import Tensor

WINDOW_SIGMA = 1.5  # px


def compute(
    output: Tensor,
    truth: Tensor,
    data_range: float = DATA_RANGE,
    colour: str = COLOUR,
    window_sigma: float = WINDOW_SIGMA,
) -> Score:
    """Mean over images of the mean structural similarity, by torchmetrics; 1 for the truth, at least -1.

    Local means, variances and covariances are weighted by a Gaussian window, as in the paper, section III.C: by default
    11 x 11 px with a standard deviation of 1.5 px, K1 = 0.01 and K2 = 0.03. The similarity of an image is the mean over
    its channels and over the places at which the whole window lies in the image, as in the authors' program and in
    scikit-image.

    Args:
        output, truth: uint8 (n, 3, h, w), not smaller than the window.
        data_range: levels, the largest possible difference.
        colour: "rgb" compares red, green and blue, "luma" one grey channel (see `ugbench.metrics._truth.in_colour`).
        window_sigma: standard deviation of the window, px. The window ends at 3.5 standard deviations.
    Raises:
        UsageError: the shapes do not match, the images are smaller than the window, or there is no such colour.
    """
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    from ugbench.metrics._intervals import mean_of_each
    from ugbench.metrics._truth import each_compared, in_colour

    window = 2 * int(3.5 * window_sigma + 0.5) + 1
    height, width = output.shape[2:]
    if min(height, width) < window:
        raise UsageError(
            f"ssim: images of {width} x {height} px are smaller than its window of {window} x {window} px; leave this "
            "metric out."
        )

    def compare_one(x: Tensor, y: Tensor) -> Tensor:
        _, similarity = structural_similarity_index_measure(
            x[None],
            y[None],
            sigma=window_sigma,
            data_range=float(data_range),
            reduction="none",
            return_full_image=True,
        )
        # The mean that torchmetrics gives depends on its version: from 1.4.2 on the border of mirrored pixels counts.
        border = window // 2
        return similarity[..., border : height - border, border : width - border].mean()

    def compare(x: Tensor, y: Tensor) -> Tensor:
        # One image after another takes half the time of a batch, and less memory.
        x, y = (in_colour("ssim", levels, colour) for levels in (x, y))
        return torch.stack([compare_one(*pair) for pair in zip(x, y, strict=True)])

    return mean_of_each(each_compared("ssim", output, truth, compare))


METRIC = Metric(
    title="SSIM",
    compute=compute,
    needs=("output_tensor", "truth_tensor"),
    higher_is_better=True,
    settings={"data_range": DATA_RANGE, "colour": COLOUR, "window_sigma": WINDOW_SIGMA},
)
