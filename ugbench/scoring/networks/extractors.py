"""Feature extractors with their weights: they turn each image into one vector. KID and FID compare sets of these.

Nothing is downloaded here: weights come from files that the user names, or that were found
(`ugbench.scoring.networks.search`). What an extractor is, its own file says (`ugbench.extractor`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn

from ugbench import registry
from ugbench.errors import NotLoadable, UgbenchError
from ugbench.extractor import Extractor, FeatureNetwork
from ugbench.nn.weight_files import fill, given
from ugbench.scoring.networks.weights import another_network, plain_float32, read_weights, undisturbed

SMOKE = (
    "or, for metrics that take any extractor, --extractor random for a trial run, which gives scores that compare with "
    "nothing else"
)


@dataclass(frozen=True)
class LoadedExtractor:
    """A network with its weights that turns images into features.

    Attributes:
        name: as in `--extractor NAME`.
        dim: length of a feature.
        size: px to which its own transform resizes an image.
        sha256: digest of the weights in the network (see `ugbench.nn.weight_files.digest`).
        comparable: True if scores on these features may be compared with other people's.
        transform: what happens to an image first, in words, for protocols.
        network: takes uint8 (n, 3, h, w) and returns (n, dim).
    """

    name: str
    dim: int
    size: int
    sha256: str
    comparable: bool
    transform: str
    network: nn.Module = field(repr=False, compare=False)

    def __call__(self, images: Tensor) -> Tensor:
        """Features (n, dim), float32, of uint8 images (n, 3, h, w), any size, on the network's device."""
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images are uint8 (n, 3, h, w), not {images.dtype} {tuple(images.shape)}")
        with plain_float32():
            features: Tensor = self.network(images.to(_device(self.network)))
        return features.float()


def load_extractor(name: str, weights: Mapping[str, Path]) -> LoadedExtractor:
    """The extractor `name` on the CPU, with weights from the file that `weights` names for it.

    Args:
        name: of a registered extractor.
        weights: given or found files by name; an extractor without a file, as `random`, needs none.
    Raises:
        UnknownName: there is no such extractor.
        NotLoadable: its module cannot be used.
        WeightsError: its file is missing, refused, or of another network; the message says what to do.
        UsageError: a package that it needs, as timm, is not installed.
    """
    extractor = registry.load_extractor(name)
    tensors = read_weights(name, weights, SMOKE) if extractor.weights is not None else {}
    built = _build(name, extractor, tensors, weights)
    option = f"the extractor {name}" if extractor.weights is None else given(name, weights[name])
    sha256 = fill(built.network, _tensors_of(built, tensors), option)
    network = _Pooled(built.network, built.prepare)
    dim = _dim(name, network, built.size)
    return LoadedExtractor(name, dim, built.size, sha256, extractor.comparable, built.transform, network)


def extract(
    extractor: LoadedExtractor, images: Tensor, batch_size: int = 32, device: torch.device | str = "cpu"
) -> Tensor:
    """Features (n, dim), float32 on the CPU, of uint8 images (n, 3, h, w); moves the network to `device`.

    The batch size matters for memory only: it changes features by no more than rounding.
    """
    place(extractor.network, device)
    if len(images) == 0:
        return torch.zeros(0, extractor.dim)
    return torch.cat([extractor(batch).cpu() for batch in torch.split(images, batch_size)])


def place(network: nn.Module, device: torch.device | str) -> nn.Module:
    """The network on its device, in the memory layout with the fastest convolutions there.

    On a CPU that is channels last: Inception takes 0.72 of the time, SqueezeNet 0.55, AlexNet 0.82 (two cores,
    AVX512), and features change by no more than rounding.
    """
    layout = torch.channels_last if torch.device(device).type == "cpu" else torch.contiguous_format
    return network.to(device).to(memory_format=layout)


class _Pooled(nn.Module):
    """Prepare the images, run the network, and average over height and width if they are left."""

    def __init__(self, network: nn.Module, prepare: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.prepare = network, prepare

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(self.prepare(images))
        return features.mean((2, 3)) if features.ndim == 4 else features


def _build(
    name: str, extractor: Extractor, tensors: Mapping[str, Tensor], weights: Mapping[str, Path]
) -> FeatureNetwork:
    """The network for these tensors. The code of an extractor may come from anybody, so an error becomes a sentence."""
    try:
        with undisturbed():
            return extractor.build(tensors)
    except UgbenchError:
        raise
    except ImportError as error:
        raise NotLoadable("extractor", name, error.msg) from error
    except Exception as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        if extractor.weights is None:
            raise NotLoadable("extractor", name, f"building it ended with {type(error).__name__}: {reason}") from error
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise another_network(name, weights, kind + reason) from error


def _tensors_of(built: FeatureNetwork, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights of a network: those it states, else those of its file, else those with which it was built."""
    if built.tensors is not None:
        return built.tensors
    return tensors or built.network.state_dict()


def _device(network: nn.Module) -> torch.device:
    """Where a network is; the CPU if it has no weights."""
    tensor = next(chain(network.parameters(), network.buffers()), None)
    return torch.device("cpu") if tensor is None else tensor.device


def _dim(name: str, network: nn.Module, size: int) -> int:
    """The length of a feature, from one grey image.

    Raises:
        NotLoadable: the network fails, or returns something else than features.
    """
    image = torch.full((1, 3, size, size), 127, dtype=torch.uint8)
    try:
        with plain_float32():
            features = network(image)
        if isinstance(features, Tensor) and features.ndim == 2 and len(features) == 1 and features.is_floating_point():
            return features.shape[1]
        returned = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        reason = f"of 1 image it returns {returned}, and features are float (1, d) or (1, d, h, w)"
    except Exception as error:
        reason = f"of 1 image of {size} px it ended with {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    raise NotLoadable("extractor", name, reason)
