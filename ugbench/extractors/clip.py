"""CLIP's image embeddings through timm: the output of the projection, 512 or 768 numbers, not normalised.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision (ICML 2021). The metric cmmd is
defined on the embeddings of ViT-L/14 at 336 px.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import isqrt
from typing import TYPE_CHECKING

from ugbench.extractor import Extractor, FeatureNetwork
from ugbench.extractors._timm import INSTALL, create_model, published

if TYPE_CHECKING:
    from torch import Tensor

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# OpenAI trained these with QuickGELU, which the tensors do not show. timm has that activation under these names.
ARCHITECTURES: Mapping[tuple[int, int, int], str] = {
    (768, 32, 224): "vit_base_patch32_clip_quickgelu_224",
    (768, 16, 224): "vit_base_patch16_clip_quickgelu_224",
    (1024, 14, 224): "vit_large_patch14_clip_quickgelu_224",
    (1024, 14, 336): "vit_large_patch14_clip_quickgelu_336",
}
"""timm's names by the width of a token, the side of a patch (px) and the side of an image (px)."""


def build(tensors: Mapping[str, Tensor]) -> FeatureNetwork:
    """The network for the shapes of the tensors; raises ValueError if it is none of OpenAI's, UsageError without timm.

    The projection is timm's `head`.
    """
    from ugbench.nn.image_transform import standardized

    lacking = [
        key for key in ("pos_embed", "patch_embed.proj.weight", "norm_pre.weight", "head.weight") if key not in tensors
    ]
    if lacking:
        raise ValueError(f"it lacks {lacking[0]}")
    tokens, width = tensors["pos_embed"].shape[-2:]
    patch = tensors["patch_embed.proj.weight"].shape[-1]
    size = patch * isqrt(tokens - 1)
    if (width, patch, size) not in ARCHITECTURES:
        raise ValueError(
            f"no vision transformer of OpenAI's CLIP has width {width}, patches of {patch} px and {size} px"
        )
    architecture = ARCHITECTURES[width, patch, size]
    network = create_model("clip", architecture, num_classes=len(tensors["head.weight"]))
    transform = f"timm {architecture}: {size} px bicubic antialiased, CLIP mean and std"
    prepare = partial(standardized, size=size, mean=MEAN, std=STD, filter="bicubic")
    return FeatureNetwork(network, size, transform, prepare)


EXTRACTOR = Extractor(
    build=build,
    weights="the safetensors file of a timm model vit_*_clip_*.openai with its projection (for cmmd "
    f"vit_large_patch14_clip_336.openai), and the package timm: {INSTALL}",
    download=published("vit_large_patch14_clip_336.openai"),
    package="timm",
)
