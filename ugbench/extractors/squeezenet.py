"""SqueezeNet 1.1's `features` (Iandola et al., 2016, as in torchvision), averaged over space: 512 numbers per image."""

from __future__ import annotations

from ugbench.download import RemoteFile
from ugbench.extractor import Extractor
from ugbench.extractors._torchvision import build_features

EXTRACTOR = Extractor(
    build=build_features("squeezenet1_1"),
    weights="torchvision's squeezenet1_1-b8a52dc0.pth, or the state dict of its `features` alone",
    download=RemoteFile(
        "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        "squeezenet1_1-b8a52dc0.pth",
        sha256="b8a52dc0",
        about_mib=4.729,
    ),
)
