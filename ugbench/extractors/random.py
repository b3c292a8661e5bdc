"""Three strided convolutions whose weights are drawn from a fixed seed: for trial runs without any file of weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from ugbench.extractor import Extractor, FeatureNetwork

if TYPE_CHECKING:
    from torch import Tensor, nn

WIDTHS, SIZE = (3, 32, 64, 128), 64
HALF = (0.5, 0.5, 0.5)


def build(_tensors: Mapping[str, Tensor]) -> FeatureNetwork:
    """The network; its weights are the same in every process."""
    import torch
    from torch import nn

    from ugbench.nn.image_transform import standardized

    generator = torch.Generator().manual_seed(0)
    layers: list[nn.Module] = []
    state = {}
    for index, (width_in, width_out) in enumerate(pairwise(WIDTHS)):
        layers += [nn.Conv2d(width_in, width_out, 3, stride=2, padding=1), nn.ReLU()]
        scale = (2 / (9 * width_in)) ** 0.5
        state[f"{2 * index}.weight"] = scale * torch.randn(width_out, width_in, 3, 3, generator=generator)
        state[f"{2 * index}.bias"] = 0.1 * torch.randn(width_out, generator=generator)
    prepare = partial(standardized, size=SIZE, mean=HALF, std=HALF)
    transform = f"{SIZE} px bilinear antialiased, (x - 127.5) / 127.5"
    return FeatureNetwork(nn.Sequential(*layers), SIZE, transform, prepare, state)


EXTRACTOR = Extractor(build=build, weights=None, comparable=False)
