"""The inputs that metrics can name in `needs`: what each one is, what it requires, and the function that loads it.

To add an input, add one entry to `INPUTS`. The rest of the toolkit reads these entries: they decide what a protocol
states, which data sets and folders can have a score, and which networks are loaded. Runs and plain folders differ only
in how they fill `ScoredImages`, see scored_images.py. This module imports no torch, because protocols and tables use
it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ugbench.data.fitting import Transform
from ugbench.errors import UnknownName
from ugbench.image_size import Size
from ugbench.metric import Metric
from ugbench.scoring.image_collection import ImageFiles
from ugbench.scoring.networks.network_set import Role
from ugbench.scoring.references import Stored
from ugbench.scoring.scored_images import Requirement, ScoredImages

if TYPE_CHECKING:
    from torch import Tensor

    from ugbench.metrics._moments import Moments

OF_A_RUN: frozenset[Requirement] = frozenset({"attention_map", "samples"})
"""What only the networks of a run can make."""


@dataclass(frozen=True)
class Input:
    """One input of metrics.

    Attributes:
        load: makes it from the scored images.
        requires: what must be there.
        network: the network that computes it; its name and weights are then part of the protocol.
        stored: what a file of references must hold to take the place of their images; None if no file can.
        one_size: True if it needs images of one size, to which even plain folders are resized. The size is then part
            of the protocol.
    """

    load: Callable[[ScoredImages], Any]
    requires: tuple[Requirement, ...] = ()
    network: Role | None = None
    one_size: bool = False
    stored: Stored | None = None


def _features(files: Callable[[ScoredImages], Sequence[Path]]) -> Callable[[ScoredImages], Tensor]:
    return lambda images: images.features.read(files(images), images.transform, images.progress)


def _reference_features(images: ScoredImages) -> Tensor:
    stored = images.stored_references
    if stored is not None and stored.features is not None:
        return stored.features
    return images.features.read(images.references, images.transform, images.progress)


def _reference_statistics(images: ScoredImages) -> Tensor | Moments:
    stored = images.stored_references
    if stored is not None and stored.statistics is not None:
        return stored.statistics
    return _reference_features(images)


def _collection(files: Callable[[ScoredImages], Sequence[Path]]) -> Callable[[ScoredImages], ImageFiles]:
    return lambda images: ImageFiles(files(images), images.transform)


def _tensor(files: Callable[[ScoredImages], Sequence[Path]]) -> Callable[[ScoredImages], Tensor]:
    def load(images: ScoredImages) -> Tensor:
        from ugbench.data.tensors import load_images

        return load_images(files(images), images.pair_transform, images.progress)

    return load


def _source(images: ScoredImages) -> Sequence[Path]:
    return images.source_of_each_output


def _truth(images: ScoredImages) -> Sequence[Path]:
    return images.truth_of_each_output


def _distances(
    network: Literal["lpips", "structure"], files: Callable[[ScoredImages], Sequence[Path]]
) -> Callable[[ScoredImages], Tensor]:
    def load(images: ScoredImages) -> Tensor:
        from ugbench.scoring.networks.perceptual import pair_distances

        distance = getattr(images.features.networks, network)
        return pair_distances(distance, files(images), images.outputs, images.pair_transform, progress=images.progress)

    return load


def _sample_distances(images: ScoredImages) -> Tensor:
    from ugbench.scoring.networks.sample_distances import sample_distances

    assert images.samples is not None
    return sample_distances(images.features.networks.lpips, images.samples, images.pair_transform.size, images.progress)


INPUTS: Mapping[str, Input] = MappingProxyType(
    {
        # Float tensors (n, d) of the chosen extractor.
        "output_features": Input(_features(lambda images: images.outputs), network="extractor"),
        "reference_features": Input(_reference_features, ("references",), "extractor", stored="features"),
        # The same, or the `Moments` of the features where a file holds nothing else.
        "reference_statistics": Input(_reference_statistics, ("references",), "extractor", stored="statistics"),
        "source_features": Input(_features(lambda images: images.given_sources), ("sources",), "extractor"),
        # Collections of uint8 images (3, h, w), read one at a time; of any sizes where plain folders are scored.
        "output_images": Input(_collection(lambda images: images.outputs)),
        "reference_images": Input(_collection(lambda images: images.references), ("references",)),
        "source_images": Input(_collection(lambda images: images.given_sources), ("sources",)),
        # Tensors uint8 (n, 3, h, w) of one size; row i of each belongs to output i.
        "output_tensor": Input(_tensor(lambda images: images.outputs), one_size=True),
        "source_tensor": Input(_tensor(_source), ("pairs",), one_size=True),
        "truth_tensor": Input(_tensor(_truth), ("truth",), one_size=True),
        # The run's main attention map (or the map of plain features, see `Method.feature_maps`), float (n, 1, h, w).
        "attention_map": Input(lambda images: images.attention_map, ("attention_map",)),
        # Float tensors (n,): the distance from each source, or from its true translation, to its output.
        "lpips_distances": Input(_distances("lpips", _source), ("pairs",), "lpips", one_size=True),
        "structure_distances": Input(_distances("structure", _source), ("pairs",), "structure", one_size=True),
        "truth_lpips_distances": Input(_distances("lpips", _truth), ("truth",), "lpips", one_size=True),
        # Float tensor (n, k): LPIPS of each pair of a source's outputs with different styles.
        "sample_lpips_distances": Input(_sample_distances, ("samples",), "lpips", one_size=True),
    }
)


def inputs_of(metric: Metric) -> tuple[Input, ...]:
    """The inputs that a metric needs, in the order of its `needs`.

    Raises:
        UnknownName: a name in `needs` is no input.
    """
    for name in metric.needs:
        if name not in INPUTS:
            raise UnknownName(f"input of metrics (needs of {metric.title})", name, INPUTS)
    return tuple(INPUTS[name] for name in metric.needs)


def requirements(metric: Metric) -> frozenset[Requirement]:
    """What must be there besides the outputs before the metric can be computed."""
    return frozenset(requirement for needed in inputs_of(metric) for requirement in needed.requires)


def is_at_one_size(metric: Metric) -> bool:
    """True if the metric compares images at one size, even those of plain folders."""
    return any(needed.one_size for needed in inputs_of(metric))


def stated_transform(images: ScoredImages, metric: Metric) -> Size | Transform | None:
    """The transform that the protocol of a metric states; None if the metric takes files as they are."""
    return images.pair_transform if is_at_one_size(metric) else images.transform


def networks_of(metric: Metric) -> frozenset[Role]:
    """The networks that compute the metric's inputs."""
    return frozenset(required.network for required in inputs_of(metric) if required.network is not None)
