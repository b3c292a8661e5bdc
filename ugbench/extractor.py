"""What a feature extractor is: a network, what happens to an image before it, and where its weights come from.

Each file of ugbench/extractors is one extractor. Its module defines one `EXTRACTOR`. Reading files of weights, loading
them into the network, hashing them and computing features is the work of ugbench.scoring.

The shipped modules import torch where a network is built, so that `ugbench weights list` does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ugbench.download import RemoteFile

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class FeatureNetwork:
    """A network that turns images into features, before its weights are loaded.

    Attributes:
        network: takes what `prepare` returns, and returns features (n, d), or (n, d, h, w), which are averaged over
            height and width. Its state dict must have the names and shapes of `tensors`, which are loaded into it.
        size: the side to which `prepare` resizes an image, px.
        transform: what `prepare` does, in words. Protocols state it, so it must name all that changes features.
        prepare: takes uint8 images (n, 3, h, w) of any size, on the network's device.
        tensors: the weights, if they are not exactly the tensors of the file; None loads all tensors of the file.
    """

    network: nn.Module
    size: int
    transform: str
    prepare: Callable[[Tensor], Tensor]
    tensors: Mapping[str, Tensor] | None = None


@dataclass(frozen=True)
class Extractor:
    """One feature extractor. Its name is that of its module or entry point.

    Attributes:
        build: takes the tensors of the file that `--weights NAME=FILE` gave, by name, and returns the network for them.
            It raises ValueError with the reason if the tensors are of another network.
        weights: what the file is and where it comes from, for help and errors; None if the extractor needs no file.
            `build` then gets no tensors.
        comparable: True if scores on these features may be compared with other people's.
        download: such a file on a server, which `ugbench weights get NAME` fetches; None if none is known.
        package: a module that the network needs and that is not installed with ugbench; None if there is none. If it is
            missing, a score on the extractor is computed only on request.
    Raises:
        ValueError: a file is to be downloaded, and the extractor needs none.
    """

    build: Callable[[Mapping[str, Tensor]], FeatureNetwork]
    weights: str | None
    comparable: bool = True
    download: RemoteFile | None = None
    package: str | None = None

    def __post_init__(self) -> None:
        if self.weights is None and self.download is not None:
            raise ValueError("an extractor without a file of weights has none to download")
