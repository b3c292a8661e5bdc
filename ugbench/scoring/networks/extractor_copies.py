"""Copies of a feature extractor on further devices: of this process, or of others, which load its weights themselves.

See `ugbench.inference.several_devices`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from ugbench.errors import WeightsError
from ugbench.inference.other_ranks import Message, OtherRank
from ugbench.inference.several_devices import FurtherDevice
from ugbench.scoring.networks.extractors import LoadedExtractor, extract, load_extractor

FEATURES = "features"

Extract: TypeAlias = Callable[[Tensor], Tensor]
"""Computes the features (n, dim), float32 on the CPU, of uint8 images (n, 3, h, w) at once."""


def extract_on(extractor: LoadedExtractor, device: torch.device | str) -> Extract:
    """Computes with the network itself, which is moved to `device`."""
    return partial(_at_once, extractor, device)


def copies_on(
    extractor: LoadedExtractor, devices: Iterable[FurtherDevice], weights: Mapping[str, Path]
) -> tuple[Extract, ...]:
    """Computes with a copy of the network, on each of these devices.

    Args:
        weights: the files that the extractor was loaded with.
    """
    copies: list[Extract] = []
    for device in devices:
        if isinstance(device, OtherRank):
            file = weights.get(extractor.name)
            copies.append(_RemoteExtractor(device, extractor.name, extractor.sha256, file))
        else:
            copied = replace(extractor, network=copy.deepcopy(extractor.network))
            copies.append(extract_on(copied, device))
    return tuple(copies)


def _at_once(extractor: LoadedExtractor, device: torch.device | str, images: Tensor) -> Tensor:
    return extract(extractor, images, max(1, len(images)), device)


@dataclass(frozen=True)
class _RemoteExtractor:
    """An extractor on the device of another process."""

    rank: OtherRank
    name: str
    sha256: str
    file: Path | None

    def __call__(self, images: Tensor) -> Tensor:
        file = None if self.file is None else str(self.file)
        facts = {"extractor": self.name, "sha256": self.sha256, "file": file}
        (rows,) = self.rank.ask(FEATURES, facts, (images,)).tensors
        return rows


@dataclass
class ExtractorsOfRank:
    """Extracts the features that rank 0 asks for, on the device of another rank; extractors stay loaded."""

    device: torch.device
    _loaded: dict[str, LoadedExtractor] = field(default_factory=dict)

    def __call__(self, request: Message) -> Message:
        """The features, float32 (n, dim), of the images of the request.

        Raises:
            WeightsError: the file cannot be read, or its weights are not those that rank 0 has loaded.
            UgbenchError: see `load_extractor`.
        """
        name, file = request.facts["extractor"], request.facts["file"]
        if name not in self._loaded:
            self._loaded[name] = load_extractor(name, {} if file is None else {name: Path(file)})
        extractor = self._loaded[name]
        if extractor.sha256 != request.facts["sha256"]:
            raise WeightsError(f"{file or name}: its weights changed while they were used; run the same command again.")
        (images,) = request.tensors
        return Message(FEATURES, tensors=[_at_once(extractor, self.device, images)])
