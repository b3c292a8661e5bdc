"""The inputs that metrics can name in `needs`: what each one is, what it requires, and the function that loads it.

To add an input, add one entry to `INPUTS`. The rest of the toolkit reads these entries: they decide what a protocol
states, which data sets and folders can have a score, and which networks are loaded. Runs and plain folders differ only
in how they fill `ScoredImages`. This module imports no torch, because protocols and tables use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ugbench.data.images import Size, check_stems
from ugbench.data.known_files import images_hash
from ugbench.data.progress import Progress
from ugbench.errors import DataError, UnknownName
from ugbench.metric import Metric
from ugbench.runs.stored_outputs import commonest_size
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.image_collection import ImageFiles
from ugbench.scoring.networks.network_set import Networks, Role
from ugbench.scoring.record import Originals
from ugbench.scoring.references import Stored, StoredReferences

if TYPE_CHECKING:
    from torch import Tensor

    from ugbench.metrics._moments import Moments
    from ugbench.scoring.features import FeatureReader
    from ugbench.scoring.networks.perceptual import PerceptualDistance

Requirement = Literal["references", "sources", "pairs", "truth", "attention_map"]
"""What must be there besides the outputs: references, any sources, the source of each output, the true translation of
each source, or the attention map of each source."""


@dataclass(frozen=True)
class ScoredImages:
    """The images of one subject in one direction, and everything that can be loaded with them.

    Attributes:
        outputs: files of the outputs.
        sources: files of the source domain; None if there are none. An output and its source have the same stem.
        list_references: lists the files that the outputs are compared with; called when a metric needs them.
        size: px to which images are resized before they are compared; None leaves files as they are.
        format: file format of the outputs, as the protocol states it.
        features: reads features of files.
        eval_set: the test images of a data set that `sources` belong to; None for plain folders.
        attention_map: the run's main attention map, float (n, 1, h, w), in the order of `sources`.
        progress: called with (images done, number of images) while a set of images is read.
        stored_references: a file that holds the references' features or statistics, in the place of images.
    """

    outputs: Sequence[Path]
    sources: Sequence[Path] | None
    list_references: Callable[[], Sequence[Path]]
    size: Size | None
    format: str
    features: FeatureReader
    eval_set: EvalSet | None = None
    attention_map: Tensor | None = None
    progress: Progress | None = None
    stored_references: StoredReferences | None = None

    @cached_property
    def references(self) -> Sequence[Path]:
        """Files that the outputs are compared with. Raises DataError if there are none."""
        return self.list_references()

    @cached_property
    def outputs_hash(self) -> str:
        """The content of the outputs, see `ugbench.data.known_files.images_hash`."""
        return images_hash(self.outputs)

    @cached_property
    def sources_hash(self) -> str | None:
        """The content of all test sources of the data set, or of the folder of sources; None if there are none."""
        return None if self.sources is None else images_hash(self._all_sources)

    def references_hash(self, metric: Metric) -> str | None:
        """The content of the images of the target domain that a metric uses; None if it uses none."""
        required = requirements(metric)
        if "references" in required:
            return self._references_hash
        # The true translation of a dial's test image is the test image of the same scene in the target domain.
        return self._truth_hash if "truth" in required else None

    @property
    def n_missing(self) -> int | None:
        """The number of sources without an output; None if there are no sources."""
        if self.sources is None:
            return None
        stems = {path.stem for path in self.outputs}
        return sum(path.stem not in stems for path in self._all_sources)

    @property
    def _all_sources(self) -> Sequence[Path]:
        return self.given_sources if self.eval_set is None else self.eval_set.sources

    def count_compared(self, metric: Metric) -> int | None:
        """The number of images that the outputs are compared with; None if a file of references does not say it."""
        if "references" not in requirements(metric):
            return len(self.outputs)
        return len(self.references) if self.stored_references is None else self.stored_references.count

    @cached_property
    def _references_hash(self) -> str:
        return images_hash(self.references) if self.stored_references is None else self.stored_references.content

    @cached_property
    def _truth_hash(self) -> str:
        assert self.eval_set is not None
        return images_hash(self.eval_set.references("test"))

    @cached_property
    def source_of_each_output(self) -> list[Path]:
        """The source with the stem of each output, in the order of the outputs.

        Raises:
            DataError: an output has no source.
            UsageError: two sources, or two outputs, have one stem.
        """
        sources = self.given_sources
        check_stems(sources)
        check_stems(self.outputs)
        by_stem = {path.stem: path for path in sources}
        alone = [path for path in self.outputs if path.stem not in by_stem]
        if alone:
            raise DataError(f"{alone[0]} has no source of the same stem in {sources[0].parent}; rename or remove it.")
        return [by_stem[path.stem] for path in self.outputs]

    @cached_property
    def copies(self) -> dict[Originals, dict[Path, Path]]:
        """The outputs that are copies of an image of each kind, each with its original; see `ugbench.data.copies`.

        On a dial a good translation comes near to the truth, which is one of the references. So there only an equal
        image is a copy of a reference or of a training image.
        """
        from ugbench.data.copies import find_copies

        on_dial = self.eval_set is not None and self.eval_set.dataset.dial is not None
        originals_of: dict[Originals, dict[Path, Path]] = {}
        for kind, originals in self._targets().items():
            pairs = find_copies(self.outputs, originals, exactly=on_dial)
            originals_of[kind] = {self.outputs[output]: originals[original] for output, original in pairs.items()}
        by_stem = {path.stem: path for path in self.sources or ()}
        translated = [path for path in self.outputs if path.stem in by_stem]
        if translated:
            inputs = [by_stem[path.stem] for path in translated]
            pairs = find_copies(translated, inputs, pairwise=True)
            originals_of["inputs"] = {translated[place]: inputs[place] for place in pairs}
        return originals_of

    def _targets(self) -> dict[Originals, Sequence[Path]]:
        """The images of the target domain that an output may be a copy of."""
        if self.stored_references is not None:
            return {}
        if self.eval_set is None:
            return {"references": self.references}
        targets: dict[Originals, Sequence[Path]] = {}
        if self.eval_set.has_references:
            targets["references"] = self.eval_set.references("test")
        if self.eval_set.has_training_images:
            targets["training"] = self.eval_set.references("train")
        return targets

    @property
    def given_sources(self) -> Sequence[Path]:
        """`sources`, for inputs that require them."""
        assert self.sources is not None
        return self.sources

    @cached_property
    def pair_size(self) -> Size:
        """Size at which an output and its source are compared: `size`, or the commonest size of the outputs."""
        return commonest_size(list(self.outputs)) if self.size is None else self.size

    def stated_size(self, metric: Metric) -> Size | None:
        """The size that the protocol of a metric states, px; None if the metric takes files as they are."""
        return self.pair_size if is_at_one_size(metric) else self.size


@dataclass(frozen=True)
class Input:
    """One input of metrics.

    Attributes:
        load: makes it from the scored images.
        requires: what must be there.
        network: the network that computes it; its name and weights are then part of the protocol.
        stored: what a file of references must hold so that it serves in the place of their images; None if it cannot.
        one_size: True if it needs images of one size, to which even plain folders are resized. The size is then part
            of the protocol.
    """

    load: Callable[[ScoredImages], Any]
    requires: tuple[Requirement, ...] = ()
    network: Role | None = None
    one_size: bool = False
    stored: Stored | None = None


def _features(files: Callable[[ScoredImages], Sequence[Path]]) -> Callable[[ScoredImages], Tensor]:
    return lambda images: images.features.read(files(images), images.size, images.progress)


def _reference_features(images: ScoredImages) -> Tensor:
    stored = images.stored_references
    if stored is not None and stored.features is not None:
        return stored.features
    return images.features.read(images.references, images.size, images.progress)


def _reference_statistics(images: ScoredImages) -> Tensor | Moments:
    stored = images.stored_references
    if stored is not None and stored.statistics is not None:
        return stored.statistics
    return _reference_features(images)


def _collection(files: Callable[[ScoredImages], Sequence[Path]]) -> Callable[[ScoredImages], ImageFiles]:
    return lambda images: ImageFiles(files(images), images.size)


def _tensor(files: Callable[[ScoredImages], Sequence[Path]]) -> Callable[[ScoredImages], Tensor]:
    def load(images: ScoredImages) -> Tensor:
        from ugbench.data.tensors import load_images

        return load_images(files(images), images.pair_size, images.progress)

    return load


def _truth_tensor(images: ScoredImages) -> Tensor:
    assert images.eval_set is not None
    return images.eval_set.truth(images.source_of_each_output)


def _distances(distance: Callable[[Networks], PerceptualDistance]) -> Callable[[ScoredImages], Tensor]:
    def load(images: ScoredImages) -> Tensor:
        from ugbench.scoring.networks.perceptual import pair_distances

        network = distance(images.features.networks)
        return pair_distances(
            network, images.source_of_each_output, images.outputs, images.pair_size, progress=images.progress
        )

    return load


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
        "source_tensor": Input(_tensor(lambda images: images.source_of_each_output), ("pairs",), one_size=True),
        "truth_tensor": Input(_truth_tensor, ("pairs", "truth"), one_size=True),
        # The run's main attention map (or the map of plain features, see `Method.feature_maps`), float (n, 1, h, w).
        "attention_map": Input(lambda images: images.attention_map, ("attention_map",)),
        # Float tensors (n,): the distance from each source to its output.
        "lpips_distances": Input(_distances(lambda networks: networks.lpips), ("pairs",), "lpips", True),
        "structure_distances": Input(_distances(lambda networks: networks.structure), ("pairs",), "structure", True),
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


def networks_of(metric: Metric) -> frozenset[Role]:
    """The networks that compute the metric's inputs."""
    return frozenset(required.network for required in inputs_of(metric) if required.network is not None)
