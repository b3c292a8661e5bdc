"""Networks of the package timm, which is an extra."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ugbench.download import RemoteFile
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

INSTALL = "pip install 'ugbench[features]'"


def create_model(extractor: str, architecture: str, **options: Any) -> nn.Module:
    """timm's network of this architecture, without trained weights; nothing is downloaded.

    Args:
        extractor: the name of the extractor that needs it, for the error.
        options: of timm.create_model.
    Raises:
        UsageError: timm is not installed.
    """
    try:
        timm: Any = importlib.import_module("timm")
    except ModuleNotFoundError:
        raise UsageError(f"the extractor {extractor} needs the package timm; run `{INSTALL}`.") from None
    network: nn.Module = timm.create_model(architecture, pretrained=False, **options)
    return network


def published(model: str) -> RemoteFile:
    """The file of a pretrained model, as timm publishes it; timm states neither its size nor its SHA-256.

    Args:
        model: architecture and tag, which end the `hf_hub_id` of timm's config: "vit_base_patch8_224.dino".
    """
    return RemoteFile(f"https://huggingface.co/timm/{model}/resolve/main/model.safetensors", f"{model}.safetensors")
