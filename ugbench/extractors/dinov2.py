"""DINOv2's vision transformers through timm: the class token after the last norm, 384 to 1,536 numbers per image.

Oquab et al., DINOv2: Learning Robust Visual Features without Supervision (TMLR 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from ugbench.extractor import Extractor, FeatureNetwork
from ugbench.extractors._timm import INSTALL, create_model, published

if TYPE_CHECKING:
    from torch import Tensor

SIZE = 224
MODELS: Mapping[int, str] = {384: "small", 768: "base", 1024: "large", 1536: "giant"}
"""The models by the width of their tokens."""


def build(tensors: Mapping[str, Tensor]) -> FeatureNetwork:
    """The network at 224 px. Raises ValueError if the tensors are of no DINOv2, and UsageError without timm."""
    from ugbench.nn.image_transform import IMAGENET_TRANSFORM, standardized

    if "cls_token" not in tensors:
        raise ValueError("it lacks cls_token")
    width = tensors["cls_token"].shape[-1]
    if width not in MODELS:
        raise ValueError(f"its tokens have {width} numbers, and those of DINOv2 {', '.join(map(str, MODELS))}")
    registers = "_reg4" if "reg_token" in tensors else ""
    network = create_model(
        "dinov2", f"vit_{MODELS[width]}_patch14{registers}_dinov2", num_classes=0, dynamic_img_size=True
    )
    return FeatureNetwork(network, SIZE, IMAGENET_TRANSFORM, partial(standardized, size=SIZE))


EXTRACTOR = Extractor(
    build=build,
    weights=f"the safetensors file of a timm model vit_*_dinov2, and the package timm: {INSTALL}",
    download=published("vit_large_patch14_dinov2.lvd142m"),
    package="timm",
)
