"""Networks of the package timm, which is an extra."""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

from ugbench.errors import UsageError

INSTALL = "pip install 'ugbench[features]'"


def create_model(extractor: str, architecture: str, **options: Any) -> nn.Module:
    """timm's network of this architecture, without trained weights; nothing is downloaded.

    Args:
        extractor: which needs it, for the error.
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
