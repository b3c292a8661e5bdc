"""The mean colours of the 16 fields of a grid over an image: 48 numbers from 0 to 1, without a network or a file."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ugbench.extractor import Extractor, FeatureNetwork

SIZE = 32


def shrunk(images: Tensor) -> Tensor:
    """Float images in [0, 1] of SIZE px, from uint8 images of any size."""
    return nn.functional.interpolate(images.float() / 255, size=(SIZE, SIZE), mode="bilinear", antialias=True)


def build(_tensors: Mapping[str, Tensor]) -> FeatureNetwork:
    """The grid as a network without weights."""
    grid = nn.Sequential(nn.AvgPool2d(SIZE // 4), nn.Flatten())
    return FeatureNetwork(grid, SIZE, f"{SIZE} px bilinear antialiased, from 0 to 1", shrunk)


EXTRACTOR = Extractor(build=build, weights=None)
