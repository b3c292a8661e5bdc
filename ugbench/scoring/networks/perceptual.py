"""Distances between an image and another by a network; LPIPS, with its backbone from a local file.

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

from ugbench.data.images import Size
from ugbench.data.tensors import load_images, to_float
from ugbench.errors import UnknownName, UsageError
from ugbench.scoring.networks.extractors import place
from ugbench.scoring.networks.weights import features_part, fill, plain_float32, read_weights, undisturbed

VERSION = "0.1"  # of the linear weights on top, which the package lpips brings
OTHERWISE = "or another --lpips-net, or leave lpips out of --metric"

# Net: the name of its weights, and the smallest image that its poolings leave anything of, px.
NETS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"alex": ("alexnet", 31), "squeeze": ("squeezenet", 17), "vgg": ("vgg", 16)}
)


@dataclass(frozen=True)
class Perceptual:
    """A perceptual distance and what protocols say of it.

    Attributes:
        net: alex, squeeze or vgg for LPIPS, else what the network is in a few words.
        sha256: digest of the network's weights; for LPIPS the backbone's, as of the extractor from the same file.
        version: of LPIPS's linear weights, else what is done with the network.
        distance: two float batches (n, 3, h, w) in [-1, 1], at the images' own size, to (n,) float32.
            Raises UsageError where images are too small for the net.
    """

    net: str
    sha256: str
    version: str
    distance: Callable[[Tensor, Tensor], Tensor] = field(repr=False, compare=False)


def load_lpips(net: str, weights: Mapping[str, Path], device: torch.device | str = "cpu") -> Perceptual:
    """The LPIPS distance of `net`, computed on `device`.

    Args:
        net: alex, squeeze or vgg.
        weights: from `--weights NAME=FILE`, NAME being alexnet, squeezenet or vgg.
    Raises:
        UnknownName: no such net.
        WeightsError: its file is missing, refused, or of another network; the message names the ways.
    """
    if net not in NETS:
        raise UnknownName("LPIPS net", net, NETS)
    name, smallest = NETS[net]
    state = features_part(read_weights(name, weights, OTHERWISE))
    import lpips

    with undisturbed(), warnings.catch_warnings():
        # lpips calls torchvision by an old argument, whose False means: no weights, no download.
        warnings.filterwarnings("ignore", "The parameter 'pretrained' is deprecated", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        model = lpips.LPIPS(net=net, version=VERSION, pnet_rand=True, verbose=False)
    sha256 = fill(_uncut(model.net), state, f"--weights {name}={weights[name]}")
    place(model.requires_grad_(False).eval(), device)

    def distance(first: Tensor, second: Tensor) -> Tensor:
        if min(first.shape[-2:]) < smallest:
            raise UsageError(
                f"lpips: images of {first.shape[-1]} x {first.shape[-2]} px are too small for --lpips-net "
                f"{net}, which needs {smallest} px; choose another net or leave lpips out."
            )
        with plain_float32():
            between: Tensor = model(first.to(device), second.to(device))
        return between.flatten()

    return Perceptual(net, sha256, VERSION, distance)


def pair_distances(
    perceptual: Perceptual, sources: Sequence[Path], outputs: Sequence[Path], size: Size, batch_size: int = 16
) -> Tensor:
    """Distances (n,) between image files, pair by pair at `size`, a batch in memory at a time.

    Raises:
        UsageError: as many sources as outputs are needed, or images are too small for the net.
        DataError: a file that cannot be read.
    """
    if len(sources) != len(outputs):
        raise UsageError(f"{len(sources)} sources and {len(outputs)} outputs are no pairs; give one of each.")
    parts = [torch.zeros(0)]
    for start in range(0, len(sources), batch_size):
        batch = slice(start, start + batch_size)
        first, second = (to_float(load_images(files[batch], size)) for files in (sources, outputs))
        parts.append(perceptual.distance(first, second).cpu())
    return torch.cat(parts)


def _uncut(backbone: torch.nn.Module) -> torch.nn.Sequential:
    """The layers of lpips's slices in one row, named as in torchvision's `features`, parameters shared."""
    row = torch.nn.Sequential()
    for part in backbone.children():
        for index, layer in part.named_children():
            row.add_module(index, layer)
    return row
