"""Distances between two images computed by a network, and LPIPS with its backbone from a local file.

Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (CVPR 2018).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from ugbench.data.fitting import Transform
from ugbench.data.progress import Progress
from ugbench.data.tensors import load_images, to_float
from ugbench.errors import DataError, UnknownName, UsageError
from ugbench.image_size import Size
from ugbench.nn.weight_files import features_part, fill
from ugbench.scoring.networks.extractors import place
from ugbench.scoring.networks.sources import LPIPS_WEIGHTS
from ugbench.scoring.networks.weights import plain_float32, read_weights, undisturbed

VERSION = "0.1"  # of the linear weights on top of the backbone, which are part of the package lpips
OTHERWISE = "or another --lpips-net, or leave lpips out of --metric"

# By net: the smallest image that its poolings can reduce, px.
SMALLEST: Mapping[str, int] = MappingProxyType({"alex": 31, "squeeze": 17, "vgg": 16})


@dataclass(frozen=True)
class PerceptualDistance:
    """A distance between images, and what protocols state about it.

    Attributes:
        net: alex, squeeze or vgg for LPIPS; else a short description of the network.
        sha256: digest of the network's weights. For LPIPS it is that of the backbone, and equals the digest of the
            extractor from the same file.
        version: of LPIPS's linear weights; else a description of how the network is used.
        distance: takes two float batches (n, 3, h, w) in [-1, 1], at the images' own size, and returns float32 (n,).
            Raises UsageError if the images are too small for the net.
    """

    net: str
    sha256: str
    version: str
    distance: Callable[[Tensor, Tensor], Tensor] = field(repr=False, compare=False)


def load_lpips(net: str, weights: Mapping[str, Path], device: torch.device | str = "cpu") -> PerceptualDistance:
    """The LPIPS distance of `net`, computed on `device`.

    Args:
        net: alex, squeeze or vgg.
        weights: given or found files by name: alexnet, squeezenet or vgg.
    Raises:
        UnknownName: no such net.
        WeightsError: its file is missing, refused, or of another network; the message says what to do.
    """
    if net not in LPIPS_WEIGHTS:
        raise UnknownName("LPIPS net", net, LPIPS_WEIGHTS)
    name, smallest = LPIPS_WEIGHTS[net], SMALLEST[net]
    state = features_part(read_weights(name, weights, OTHERWISE))
    import lpips

    with undisturbed(), warnings.catch_warnings():
        # lpips passes an old argument to torchvision; its value False means no weights and no download.
        warnings.filterwarnings("ignore", "The parameter 'pretrained' is deprecated", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        model = lpips.LPIPS(net=net, version=VERSION, pnet_rand=True, verbose=False)
    sha256 = fill(_backbone_layers(model.net), state, f"--weights {name}={weights[name]}")
    place(model.requires_grad_(False).eval(), device)

    def distance(first: Tensor, second: Tensor) -> Tensor:
        if min(first.shape[-2:]) < smallest:
            raise UsageError(
                f"lpips: images of {first.shape[-1]} x {first.shape[-2]} px are too small for --lpips-net "
                f"{net}, which needs {smallest} px; choose another net or leave lpips out."
            )
        with plain_float32():
            distances: Tensor = model(first.to(device), second.to(device))
        return distances.flatten()

    return PerceptualDistance(net, sha256, VERSION, distance)


def pair_distances(
    perceptual: PerceptualDistance,
    sources: Sequence[Path],
    outputs: Sequence[Path],
    transform: Size | Transform,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> Tensor:
    """Distances, float (n,), between source i (or its true translation) and output i, both after the test transform.

    One batch is in memory at a time.

    Args:
        progress: called with (pairs done, number of pairs) after each batch.
    Raises:
        UsageError: the numbers of sources and outputs differ, or images are too small for the net.
        DataError: a file cannot be read, or a distance is NaN or infinite.
    """
    if len(sources) != len(outputs):
        raise UsageError(f"{len(sources)} sources and {len(outputs)} outputs are no pairs; give one of each.")
    parts = [torch.zeros(0)]
    for start in range(0, len(sources), batch_size):
        batch = slice(start, start + batch_size)
        first, second = (to_float(load_images(files[batch], transform)) for files in (sources, outputs))
        distances = perceptual.distance(first, second).cpu()
        if not torch.isfinite(distances).all():
            output = outputs[start + int(torch.isfinite(distances).int().argmin())]
            raise DataError(f"{output}: its distance to its partner ({perceptual.net}) is NaN or infinite; remove it.")
        parts.append(distances)
        if progress is not None:
            progress(start + len(distances), len(outputs))
    return torch.cat(parts)


def _backbone_layers(backbone: torch.nn.Module) -> torch.nn.Sequential:
    """The layers of lpips's slices in one sequence, with its parameters and the names of torchvision's `features`."""
    layers = torch.nn.Sequential()
    for part in backbone.children():
        for index, layer in part.named_children():
            layers.add_module(index, layer)
    return layers
