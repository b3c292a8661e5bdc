"""AlexNet's `features` (Krizhevsky, 2014, as in torchvision), averaged over space: 256 numbers per image."""

from __future__ import annotations

from ugbench.download import RemoteFile
from ugbench.extractor import Extractor
from ugbench.extractors._torchvision import build_features

EXTRACTOR = Extractor(
    build=build_features("alexnet"),
    weights="torchvision's alexnet-owt-7be5be79.pth, or the state dict of its `features` alone",
    download=RemoteFile(
        "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        "alexnet-owt-7be5be79.pth",
        sha256="7be5be79",
        about_mib=233.087,
    ),
)
