"""Mean LPIPS between outputs of one source with different styles: how much the style changes the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.errors import UsageError
from ugbench.metric import Metric, Score

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = 10


def compute(distances: Tensor, samples: int = SAMPLES) -> Score:
    """Mean over sources of the mean distance over all pairs of a source's samples; 0 if the style changes nothing.

    Each source has `samples` outputs with styles that were drawn for it alone (`ugbench.data.styles`), and all their
    pairs count, as in StarGAN v2 (Choi et al., CVPR 2020, appendix C): 45 pairs of 10 outputs. MUNIT (Huang et al.,
    ECCV 2018, section 5.2) has the same expected value from 19 separate pairs of outputs for each of 100 sources. The
    standard error is over sources, because pairs of one source share their outputs.

    Args:
        distances: LPIPS, float (n, samples (samples - 1) / 2), n >= 1.
        samples: outputs of each source, 2 or more.
    Raises:
        UsageError: there are no sources, or the number of pairs does not fit `samples`.
    """
    from ugbench.metrics._intervals import check_pairs, mean_of_each

    check_pairs("lpips_diversity", distances)
    pairs = samples * (samples - 1) // 2
    if pairs < 1 or distances.shape[1] != pairs:
        raise UsageError(
            f"lpips_diversity: samples={samples} was given, and each source has {distances.shape[1]} pairs of outputs; "
            "2 samples or more have samples * (samples - 1) / 2 pairs."
        )
    return mean_of_each(distances.double().mean(1))


METRIC = Metric(
    title="LPIPS diversity",
    compute=compute,
    needs=("sample_lpips_distances",),
    higher_is_better=True,
    settings={"samples": SAMPLES},
    note="LPIPS diversity: the mean distance between outputs of one source with different styles. Noise in the outputs "
    "makes it larger, too, so read it together with a distance to the references.",
)
