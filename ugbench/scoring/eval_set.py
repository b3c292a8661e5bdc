"""The images of a data set that scores use in one direction: sources, references and, of pairs, true translations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ugbench.data.dataset_json import DATASET_JSON, STATEMENT
from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.image_set import ImageSet, all_of, describe_left_out, one_per_cluster
from ugbench.data.pairs import partners_of
from ugbench.data.splits import TEST, TRAIN
from ugbench.direction import Direction
from ugbench.errors import DataError
from ugbench.image_size import Size

if TYPE_CHECKING:
    from torch import Tensor

Reference = Literal["test", "train"]
"""The split of the target domain that outputs are compared with."""


@dataclass(frozen=True)
class EvalSet:
    """The images of one data set, one direction and the transform with which they are compared with outputs.

    Attributes:
        transform: the test transform; a size alone means that images are squashed to it.
        one_per_cluster: True if of near-duplicates only one image is scored. The scenes of a dial are drawn one by one,
            so all of them are scored, although they look alike.
    """

    dataset: DataSet
    direction: Direction
    transform: Size | Transform
    one_per_cluster: bool = True

    @cached_property
    def source_set(self) -> ImageSet:
        """The test images of the source domain, sorted by name."""
        return self._image_set(self.dataset.split(TEST[self.direction[0]]))

    @cached_property
    def test_references(self) -> ImageSet:
        """The test images of the target domain, sorted by name."""
        return self._image_set(self.dataset.split(TEST[self.direction[2]]))

    @cached_property
    def training_references(self) -> ImageSet:
        """The training images of the target domain, sorted by name."""
        return self._image_set(self.training_images)

    @property
    def training_images(self) -> Sequence[Path]:
        """The files of all training images of the target domain, sorted by name."""
        return self.dataset.split(TRAIN[self.direction[2]])

    def references(self, reference: Reference) -> ImageSet:
        """The test or training images of the target domain, sorted by name."""
        return self.test_references if reference == "test" else self.training_references

    def _image_set(self, files: Sequence[Path]) -> ImageSet:
        return one_per_cluster(files) if self.one_per_cluster and self.dataset.dial is None else all_of(files)

    def describe_left_out(self, reference: Reference) -> Iterator[str]:
        """A sentence about the sources, and one about the references, that are left out as near-duplicates."""
        has_references = self.has_references if reference == "test" else self.has_training_images
        for images in (self.source_set, *([self.references(reference)] if has_references else [])):
            if images.left_out:
                yield describe_left_out(images)

    @property
    def has_references(self) -> bool:
        """True if the target domain has test images."""
        return self.dataset.has(TEST[self.direction[2]])

    @property
    def has_training_images(self) -> bool:
        """True if the target domain has training images."""
        return self.dataset.has(TRAIN[self.direction[2]])

    @cached_property
    def as_many_training_images(self) -> tuple[Path, ...]:
        """As many random training images of the target as there are scored sources, because FID depends on the number.

        They are fewer if there are not enough training images that are no near-duplicates.
        """
        import torch

        from ugbench.data.seeding import generator_for

        train = self.training_images
        order = torch.randperm(len(train), generator=generator_for(0, "real", self.direction)).tolist()
        wanted = min(len(train), len(self.source_set.scored))
        drawn = wanted
        # Only as many images are read as are needed, and those that are near-duplicates of others are drawn anew.
        while True:
            chosen = self._image_set([train[place] for place in sorted(order[:drawn])]).scored
            if len(chosen) == wanted or drawn == len(train):
                return chosen
            drawn = min(len(train), drawn + wanted - len(chosen))

    @cached_property
    def true_translations(self) -> dict[Path, Path]:
        """The true translation of each source, by source: the test image of the target domain with its stem.

        Raises:
            DataError: the test images are no pairs, a source has no partner, or two images of a domain have one stem.
        """
        if not self.dataset.paired:
            raise DataError(
                f"{self.dataset.root}: it is no dial and has no {DATASET_JSON} that states pairs, so the true "
                f"translations are not known; write {STATEMENT} there if test images of equal stems are pairs."
            )
        sources, references = self.source_set.files, self.dataset.split(TEST[self.direction[2]])
        return dict(zip(sources, partners_of(sources, references), strict=True))

    def check_pairs(self) -> None:
        """Raises DataError where `true_translations` does."""
        _ = self.true_translations

    def truth(self, sources: Sequence[Path]) -> Tensor:
        """The true translations of some of the sources, in their order: uint8 (n, 3, height, width), transformed.

        Raises:
            DataError: see `true_translations`; or an image cannot be read.
        """
        from ugbench.data.tensors import load_images

        return load_images([self.true_translations[path] for path in sources], self.transform)
