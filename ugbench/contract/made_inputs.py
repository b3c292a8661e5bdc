"""Small inputs of metrics, made rather than loaded: drawn images with a known truth, and random features."""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.data.dial.dataset import draw_split
from ugbench.data.dial.spec import DialSpec

N, SIZE, FEATURES = 8, 64, 12
SAMPLES = 4
"""Outputs of one source with different styles, where the metric has no setting of that name."""


def made_inputs(samples: int = SAMPLES) -> dict[str, Tensor]:
    """A value for each input of metrics (ugbench.scoring.inputs.INPUTS), of N outputs.

    Sources and truths are test images of a dial; each output is its truth with some noise. Collections of images are
    tensors, which yield one image at a time, as collections do. The values depend on nothing but `samples`.

    Args:
        samples: the metric's setting of that name, for the number of pairs of a source's outputs.
    """
    random = torch.Generator().manual_seed(0)
    spec = DialSpec(shape=1.0, texture=1.0, size=SIZE, train=N, test=N)
    sources, truths = (torch.stack(list(draw_split(spec, split))) for split in ("testA", "testB"))
    references = torch.stack(list(draw_split(spec, "trainB")))
    noise = torch.randint(-20, 21, truths.shape, generator=random)
    outputs = (truths.int() + noise).clamp(0, 255).to(torch.uint8)

    def numbers(*shape: int) -> Tensor:
        return torch.rand(shape, generator=random)

    def features(shift: float) -> Tensor:
        return torch.randn(N, FEATURES, generator=random) + shift

    reference_features = features(0.0)
    return {
        "output_features": features(0.5),
        "reference_features": reference_features,
        "reference_statistics": reference_features,
        "source_features": features(1.0),
        "output_images": outputs,
        "reference_images": references,
        "source_images": sources,
        "output_tensor": outputs,
        "source_tensor": sources,
        "truth_tensor": truths,
        "attention_map": numbers(N, 1, SIZE // 4, SIZE // 4),
        "lpips_distances": numbers(N),
        "structure_distances": numbers(N),
        "truth_lpips_distances": numbers(N),
        "sample_lpips_distances": numbers(N, samples * (samples - 1) // 2),
    }
