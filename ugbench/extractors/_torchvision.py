"""Networks of torchvision, of which the part called `features` is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ugbench.extractor import FeatureNetwork

if TYPE_CHECKING:
    from torch import Tensor

SIZE = 224


def build_features(model: str) -> Callable[[Mapping[str, Tensor]], FeatureNetwork]:
    """The `build` of an extractor: the convolutions of a torchvision model, at 224 px.

    Args:
        model: name of a function in torchvision.models.
    """

    def build(tensors: Mapping[str, Tensor]) -> FeatureNetwork:
        import torch

        from ugbench.nn.image_transform import IMAGENET_TRANSFORM, standardized
        from ugbench.nn.weight_files import features_part

        models: Any = importlib.import_module("torchvision.models")
        with torch.device("meta"):  # the classifier's 59 million weights are not needed
            features = getattr(models, model)(weights=None).features
        network = features.to_empty(device="cpu")
        return FeatureNetwork(
            network, SIZE, IMAGENET_TRANSFORM, partial(standardized, size=SIZE), features_part(tensors)
        )

    return build
