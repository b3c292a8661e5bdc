"""torch-fidelity's Inception as a network that returns only features."""

from __future__ import annotations

from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3


class PooledInception(FeatureExtractorInceptionV3):  # type: ignore[misc]
    """torch-fidelity's network, which resizes and scales uint8 images (n, 3, h, w) itself; returns (n, 2048)."""

    def forward(self, images: Tensor) -> Tensor:
        """The first of the outputs that torch-fidelity's network returns."""
        features: Tensor = super().forward(images)[0]
        return features
