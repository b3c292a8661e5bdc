"""Inception v3 as FID and KID use it: torch-fidelity's copy of the TensorFlow network of 2015, 2,048 numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ugbench.extractor import Extractor, FeatureNetwork

NAME, LAYER, SIZE = "inception-v3-compat", "2048", 299


class PooledInception(FeatureExtractorInceptionV3):  # type: ignore[misc]
    """torch-fidelity's network, which resizes and scales uint8 images (n, 3, h, w) itself; returns (n, 2048)."""

    def forward(self, images: Tensor) -> Tensor:
        """The first of the outputs that torch-fidelity's network returns."""
        features: Tensor = super().forward(images)[0]
        return features


def build(tensors: Mapping[str, Tensor]) -> FeatureNetwork:
    """The network. Raises RuntimeError if the tensors are of another one."""
    # That class unpickles its file without a check, so it is given a copy of tensors that were checked.
    copy: Any = io.BytesIO()
    torch.save(dict(tensors), copy)
    copy.seek(0)
    network = PooledInception(NAME, [LAYER], feature_extractor_weights_path=copy)
    transform = f"torch-fidelity {NAME}: {SIZE} px TensorFlow 1 bilinear, (x - 128) / 128"
    return FeatureNetwork(network, SIZE, transform, prepare=lambda images: images)


EXTRACTOR = Extractor(
    build=build, weights="torch-fidelity's weights-inception-2015-12-05-6726825d.pth, from its releases"
)
