"""Feature extractors: they turn each image into one vector. KID and FID compare sets of these vectors.

Nothing is downloaded: weights come from files that the user names. Only `random` needs no file.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.errors import UnknownName, UsageError, WeightsError
from ugbench.nn.weight_files import fill
from ugbench.scoring.networks.weights import SOURCES, features_part, plain_float32, read_weights, undisturbed

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET_TRANSFORM = "224 px bilinear antialiased, ImageNet mean and std"
SMOKE = "or --extractor random for a trial run, which gives scores that compare with nothing else"


@dataclass(frozen=True)
class Extractor:
    """A network that turns images into features.

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
            features: Tensor = self.network(images.to(next(self.network.parameters()).device))
        return features.float()


def load_extractor(name: str, weights: Mapping[str, Path]) -> Extractor:
    """The extractor `name` on the CPU, with weights from the file that `weights` names for it.

    Args:
        name: inception, alexnet, squeezenet, dinov2 or random.
        weights: from `--weights NAME=FILE`; `random` needs none.
    Raises:
        UnknownName: there is no such extractor.
        WeightsError: its file is missing, refused, or of another network; the message says what to do.
        UsageError: dinov2 without the package timm.
    """
    if name not in _LOADERS:
        raise UnknownName("extractor", name, _LOADERS)
    return _LOADERS[name](weights)


def extract(extractor: Extractor, images: Tensor, batch_size: int = 32, device: torch.device | str = "cpu") -> Tensor:
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


def standardized(
    x: Tensor, size: int, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
) -> Tensor:
    """Images (n, 3, h, w) in [0, 1], resized to `size` px and with this mean and standard deviation per channel."""
    if x.shape[-2:] != (size, size):
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    return (x - x.new_tensor(mean).view(3, 1, 1)) / x.new_tensor(std).view(3, 1, 1)


class _Pooled(nn.Module):
    """Scale, standardize, run `features`, and average over height and width if they are left."""

    def __init__(
        self,
        features: nn.Module,
        size: int,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.features = features
        self.size, self.mean, self.std = size, mean, std

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.features(standardized(images.float() / 255, self.size, self.mean, self.std))
        return features.mean((2, 3)) if features.ndim == 4 else features


class _First(nn.Sequential):
    """A network with several outputs, of which the first is the features."""

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self[0](images)[0]
        return features


def _torchvision(name: str, model: str, dim: int) -> Callable[[Mapping[str, Path]], Extractor]:
    def load(weights: Mapping[str, Path]) -> Extractor:
        state = features_part(read_weights(name, weights, SMOKE))
        models: Any = importlib.import_module("torchvision.models")
        with torch.device("meta"):  # the classifier's 59 million weights are not needed
            features = getattr(models, model)(weights=None).features
        features = features.to_empty(device="cpu")
        sha256 = fill(features, state, f"--weights {name}={weights[name]}")
        return Extractor(name, dim, 224, sha256, True, IMAGENET_TRANSFORM, _Pooled(features, 224))

    return load


def _inception(weights: Mapping[str, Path]) -> Extractor:
    state = read_weights("inception", weights, SMOKE)
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # That class unpickles its file without a check, so it is given a copy of tensors that were checked.
    copy = io.BytesIO()
    torch.save(state, copy)
    copy.seek(0)
    given = f"--weights inception={weights['inception']}"
    try:
        with undisturbed():
            network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=copy)
    except RuntimeError:
        raise WeightsError(f"{given} holds another network; it takes {SOURCES['inception']}.") from None
    sha256 = fill(network, state, given)
    transform = "torch-fidelity inception-v3-compat: 299 px TensorFlow 1 bilinear, (x - 128) / 128"
    return Extractor("inception", 2048, 299, sha256, True, transform, _First(network))


def _dinov2(weights: Mapping[str, Path]) -> Extractor:
    state = read_weights("dinov2", weights, SMOKE)
    given = f"--weights dinov2={weights['dinov2']}"
    try:
        timm: Any = importlib.import_module("timm")
    except ModuleNotFoundError:
        raise UsageError("--extractor dinov2 needs the package timm; run `pip install timm`.") from None
    model = {384: "small", 768: "base", 1024: "large", 1536: "giant"}
    dim = state["cls_token"].shape[-1] if "cls_token" in state else 0
    if dim not in model:
        raise WeightsError(f"{given} holds another network; it takes {SOURCES['dinov2']}.")
    with undisturbed():
        network = timm.create_model(
            f"vit_{model[dim]}_patch14_dinov2", pretrained=False, num_classes=0, dynamic_img_size=True
        )
    sha256 = fill(network, state, given)
    return Extractor("dinov2", dim, 224, sha256, True, IMAGENET_TRANSFORM, _Pooled(network, 224))


def _random(weights: Mapping[str, Path]) -> Extractor:  # noqa: ARG001
    """Three strided convolutions; their weights are drawn from seed 0 and never change."""
    generator = torch.Generator().manual_seed(0)
    widths = (3, 32, 64, 128)
    state = {}
    with undisturbed():
        layers: list[nn.Module] = []
        for index, (width_in, width_out) in enumerate(pairwise(widths)):
            layers += [nn.Conv2d(width_in, width_out, 3, stride=2, padding=1), nn.ReLU()]
            scale = (2 / (9 * width_in)) ** 0.5
            state[f"{2 * index}.weight"] = scale * torch.randn(width_out, width_in, 3, 3, generator=generator)
            state[f"{2 * index}.bias"] = 0.1 * torch.randn(width_out, generator=generator)
        features = nn.Sequential(*layers)
    sha256 = fill(features, state, "random")
    half = (0.5, 0.5, 0.5)
    transform = "64 px bilinear antialiased, (x - 127.5) / 127.5"
    return Extractor("random", widths[-1], 64, sha256, False, transform, _Pooled(features, 64, half, half))


_LOADERS: Mapping[str, Callable[[Mapping[str, Path]], Extractor]] = MappingProxyType(
    {
        "inception": _inception,
        "alexnet": _torchvision("alexnet", "alexnet", 256),
        "squeezenet": _torchvision("squeezenet", "squeezenet1_1", 512),
        "dinov2": _dinov2,
        "random": _random,
    }
)
EXTRACTORS: tuple[str, ...] = tuple(_LOADERS)
