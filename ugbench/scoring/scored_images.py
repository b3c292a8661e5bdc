"""The images of one subject in one direction, from which the inputs of metrics are loaded.

This module imports no torch, because protocols and tables use `ugbench.scoring.inputs`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ugbench.data.fitting import Transform, as_transform
from ugbench.data.image_set import ImageSet
from ugbench.data.images import check_stems
from ugbench.data.known_files import images_hash
from ugbench.data.pairs import partners_of
from ugbench.data.progress import Progress
from ugbench.errors import DataError
from ugbench.fit import SQUASH
from ugbench.image_size import Size
from ugbench.runs.stored_outputs import commonest_size
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.record import Originals
from ugbench.scoring.references import StoredReferences

if TYPE_CHECKING:
    from torch import Tensor

    from ugbench.scoring.features import FeatureReader


Requirement = Literal["references", "sources", "pairs", "truth", "attention_map", "samples"]
"""What must be there besides the outputs: references, any sources, the source of each output, the true translation of
each source, the attention map of each source, or several outputs of each source with different styles."""


@dataclass(frozen=True)
class ScoredImages:
    """The images of one subject in one direction, and everything that can be loaded with them.

    Attributes:
        outputs: files of the scored outputs.
        sources: files of the source domain; None if there are none. An output and its source have the same stem. They
            are all scored sources, or those of them that have an output.
        list_references: lists the images that the outputs are compared with; called when a metric needs them.
        transform: the test transform of images before they are compared; None leaves files as they are.
        format: file format of the outputs, as the protocol states it.
        features: reads features of files.
        eval_set: the test images of a data set that `sources` belong to; None for plain folders.
        folder_sources: the images of a plain folder of sources; None if there is no such folder.
        attention_map: the run's main attention map, float (n, 1, h, w), in the order of `sources`.
        samples: the files of the run's outputs of each source with different styles, in the order of `sources`.
        progress: called with (images done, number of images) while a set of images is read.
        stored_references: a file that holds the references' features or statistics, in the place of images.
    """

    outputs: Sequence[Path]
    sources: Sequence[Path] | None
    list_references: Callable[[], ImageSet]
    transform: Size | Transform | None
    format: str
    features: FeatureReader
    eval_set: EvalSet | None = None
    folder_sources: ImageSet | None = None
    attention_map: Tensor | None = None
    samples: Sequence[Sequence[Path]] | None = None
    progress: Progress | None = None
    stored_references: StoredReferences | None = None

    @cached_property
    def reference_set(self) -> ImageSet:
        """The images that the outputs are compared with. Raises DataError if there are none."""
        return self.list_references()

    @property
    def references(self) -> Sequence[Path]:
        """Files that the outputs are compared with. Raises DataError if there are none."""
        return self.reference_set.scored

    @cached_property
    def outputs_hash(self) -> str:
        """The content of the outputs, see `ugbench.data.known_files.images_hash`."""
        return images_hash(self.outputs)

    @cached_property
    def sources_hash(self) -> str | None:
        """The content of all test sources of the data set, or of the folder of sources; None if there are none."""
        return None if self._source_set is None else images_hash(self._source_set.files)

    def references_hash(self, required: Collection[Requirement]) -> str | None:
        """The content of the images of the target domain that a metric uses; None if it uses none.

        Args:
            required: what the metric requires, from `ugbench.scoring.inputs.requirements`.
        """
        if "references" in required:
            return self._references_hash
        # A true translation is the test image of the same stem in the target domain.
        return self._truth_hash if "truth" in required else None

    @property
    def n_missing(self) -> int | None:
        """The number of scored sources without an output; None if there are no sources."""
        if self._source_set is None:
            return None
        stems = {path.stem for path in self.outputs}
        return sum(path.stem not in stems for path in self._source_set.scored)

    def near_duplicates(self, required: Collection[Requirement]) -> dict[str, int]:
        """The number of near-duplicates that are left out, as protocols state it: of "sources" and of "references".

        Sets of which no image is left out, or that the metric does not use, are not in it.

        Args:
            required: what the metric requires, from `ugbench.scoring.inputs.requirements`.
        """
        left_out = {}
        if self._source_set is not None:
            left_out["sources"] = self._source_set.left_out
        if "references" in required:
            stored = self.stored_references
            left_out["references"] = self.reference_set.left_out if stored is None else stored.left_out
        return {name: count for name, count in left_out.items() if count}

    @property
    def _source_set(self) -> ImageSet | None:
        return self.folder_sources if self.eval_set is None else self.eval_set.source_set

    def count_compared(self, required: Collection[Requirement]) -> int | None:
        """The number of images that the outputs are compared with; None if a file of references does not say it.

        Args:
            required: what the metric requires, from `ugbench.scoring.inputs.requirements`.
        """
        if "references" not in required:
            return len(self.outputs)
        return len(self.references) if self.stored_references is None else self.stored_references.count

    @cached_property
    def _references_hash(self) -> str:
        stored = self.stored_references
        return images_hash(self.reference_set.files) if stored is None else stored.content

    @cached_property
    def _truth_hash(self) -> str:
        return self._references_hash if self.eval_set is None else images_hash(self.eval_set.test_references.files)

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
    def truth_of_each_output(self) -> list[Path]:
        """The true translation of the source of each output, in the order of the outputs.

        Of plain folders it is the reference with the output's stem.

        Raises:
            DataError: the test images of the data set are no pairs, or an output or a source has no partner.
        """
        if self.eval_set is None:
            return partners_of(self.outputs, self.reference_set.files)
        return [self.eval_set.true_translations[source] for source in self.source_of_each_output]

    @cached_property
    def copies(self) -> dict[Originals, dict[Path, Path]]:
        """The outputs that are copies of an image of each kind, each with its original; see `ugbench.data.copies`.

        Where the true translations are known, a good translation comes near to the truth, which is one of the
        references. So there only an equal image is a copy of a reference or of a training image.
        """
        from ugbench.data.copies import find_copies

        fit = SQUASH if self.transform is None else as_transform(self.transform).fit
        truth_is_known = self.eval_set is not None and self.eval_set.dataset.paired
        originals_of: dict[Originals, dict[Path, Path]] = {}
        for kind, originals in self._targets().items():
            pairs = find_copies(self.outputs, originals, exactly=truth_is_known, fit=fit)
            originals_of[kind] = {self.outputs[output]: originals[original] for output, original in pairs.items()}
        by_stem = {path.stem: path for path in self.sources or ()}
        translated = [path for path in self.outputs if path.stem in by_stem]
        if translated:
            inputs = [by_stem[path.stem] for path in translated]
            pairs = find_copies(translated, inputs, pairwise=True, fit=fit)
            originals_of["inputs"] = {translated[place]: inputs[place] for place in pairs}
        return originals_of

    def _targets(self) -> dict[Originals, Sequence[Path]]:
        """The images of the target domain that an output may be a copy of."""
        if self.stored_references is not None:
            return {}
        if self.eval_set is None:
            return {"references": self.reference_set.files}
        targets: dict[Originals, Sequence[Path]] = {}
        if self.eval_set.has_references:
            targets["references"] = self.eval_set.test_references.files
        if self.eval_set.has_training_images:
            targets["training"] = self.eval_set.training_images
        return targets

    @property
    def given_sources(self) -> Sequence[Path]:
        """`sources`, for inputs that require them."""
        assert self.sources is not None
        return self.sources

    @cached_property
    def pair_transform(self) -> Transform:
        """The transform with which an output and its source are compared: for plain folders, squashing to the commonest
        size of the outputs.
        """
        return as_transform(commonest_size(list(self.outputs)) if self.transform is None else self.transform)
