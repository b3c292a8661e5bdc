"""Inception v3 as FID and KID use it: torch-fidelity's copy of the TensorFlow network of 2015, 2,048 numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ugbench.download import RemoteFile
from ugbench.extractor import Extractor, FeatureNetwork

if TYPE_CHECKING:
    from torch import Tensor

NAME, LAYER, SIZE = "inception-v3-compat", "2048", 299
FILE = "weights-inception-2015-12-05-6726825d.pth"


def build(tensors: Mapping[str, Tensor]) -> FeatureNetwork:
    """The network. Raises RuntimeError if the tensors are of another one."""
    import torch

    from ugbench.extractors._torch_fidelity import PooledInception

    # That class unpickles its file without a check, so it is given a copy of tensors that were checked.
    copy: Any = io.BytesIO()
    torch.save(dict(tensors), copy)
    copy.seek(0)
    network = PooledInception(NAME, [LAYER], feature_extractor_weights_path=copy)
    transform = f"torch-fidelity {NAME}: {SIZE} px TensorFlow 1 bilinear, (x - 128) / 128"
    return FeatureNetwork(network, SIZE, transform, prepare=lambda images: images)


EXTRACTOR = Extractor(
    build=build,
    weights=f"torch-fidelity's {FILE}, from its releases",
    download=RemoteFile(
        f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}", FILE, sha256="6726825d"
    ),
)
