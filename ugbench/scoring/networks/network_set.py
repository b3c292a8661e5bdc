"""The networks that one evaluation uses: a feature extractor and two distances between images."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ugbench import registry
from ugbench.scoring.networks.sources import LPIPS_WEIGHTS, check_names

if TYPE_CHECKING:
    import torch

    from ugbench.inference.several_devices import FurtherDevice
    from ugbench.scoring.networks.extractors import LoadedExtractor
    from ugbench.scoring.networks.perceptual import PerceptualDistance

Role = Literal["extractor", "lpips", "structure"]
"""What a network is used for."""


@dataclass(frozen=True)
class Networks:
    """The chosen networks; each is loaded when it is first used.

    Attributes:
        extractor_name: of the chosen extractor.
        lpips_net: backbone of LPIPS: alex, squeeze or vgg.
        weights: files given by `--weights NAME=FILE` or found (see `.search`), by NAME.
        device: on which the networks compute.
        further: devices that share the images of the extractor and of translations with `device`.
    """

    extractor_name: str
    lpips_net: str
    weights: Mapping[str, Path]
    device: torch.device
    further: tuple[FurtherDevice, ...] = ()
    _others: dict[str, LoadedExtractor] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def extractor(self) -> LoadedExtractor:
        """The chosen feature extractor. Raises WeightsError if there is no file of its weights."""
        from ugbench.scoring.networks.extractors import load_extractor

        return load_extractor(self.extractor_name, self.weights)

    def extractor_for(self, name: str | None) -> LoadedExtractor:
        """The extractor that a metric is defined on; the chosen one where `name` is None.

        Raises:
            WeightsError: there is no file of its weights.
        """
        from ugbench.scoring.networks.extractors import load_extractor

        if name is None or name == self.extractor_name:
            return self.extractor
        if name not in self._others:
            self._others[name] = load_extractor(name, self.weights)
        return self._others[name]

    @cached_property
    def lpips(self) -> PerceptualDistance:
        """LPIPS. Raises WeightsError if there is no file of its weights."""
        from ugbench.scoring.networks.perceptual import load_lpips

        return load_lpips(self.lpips_net, self.weights, self.device)

    @cached_property
    def structure(self) -> PerceptualDistance:
        """DINO's structure distance. Raises WeightsError if there is no file of its weights."""
        from ugbench.scoring.networks.structure import load_structure

        return load_structure(self.weights, self.device)

    @property
    def has_lpips_weights(self) -> bool:
        """True if there is a file for LPIPS. An unknown backbone counts too, so that loading it can fail."""
        return self.lpips_net not in LPIPS_WEIGHTS or LPIPS_WEIGHTS[self.lpips_net] in self.weights


def make_networks(
    extractor: str,
    files: Mapping[str, Path],
    device: torch.device,
    lpips_net: str = "alex",
    frozen_names: Collection[str] = (),
    further: Iterable[FurtherDevice] = (),
) -> Networks:
    """The networks that scoring may load; none is loaded yet.

    Args:
        extractor: name of the network that computes features.
        files: of weights, by the names of networks.
        lpips_net: backbone of LPIPS: alex, squeeze or vgg.
        frozen_names: further names that `files` may have: of networks that methods do not train.
        further: devices besides `device`, as `Networks` has them.
    Raises:
        UnknownName: there is no such extractor, or no such network for a file.
        NotLoadable: the extractor, or one that a file is given for, cannot be imported.
        UsageError: a file is given for an extractor that needs none.
    """
    check_names(files, frozen_names)
    registry.load_extractor(extractor)
    return Networks(extractor, lpips_net, files, device, tuple(further))
