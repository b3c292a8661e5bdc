"""The images of a data set that scores use in one direction: sources, references and, of pairs, true translations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ugbench.data.dataset_json import DATASET_JSON, STATEMENT
from ugbench.data.datasets import DataSet
from ugbench.data.images import Size
from ugbench.data.pairs import partners_of
from ugbench.data.splits import TEST, TRAIN
from ugbench.direction import Direction
from ugbench.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

Reference = Literal["test", "train"]
"""The split of the target domain that outputs are compared with."""


@dataclass(frozen=True)
class EvalSet:
    """The images of one data set, one direction and the size at which they are compared with outputs."""

    dataset: DataSet
    direction: Direction
    size: Size

    @cached_property
    def sources(self) -> tuple[Path, ...]:
        """The test images of the source domain, sorted by name."""
        return tuple(self.dataset.split(TEST[self.direction[0]]))

    def references(self, reference: Reference) -> tuple[Path, ...]:
        """The test or training images of the target domain, sorted by name."""
        return tuple(self.dataset.split((TEST if reference == "test" else TRAIN)[self.direction[2]]))

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
        """As many random training images of the target as there are sources, because FID depends on the number."""
        import torch

        from ugbench.data.seeding import generator_for

        train = self.references("train")
        count = min(len(train), len(self.sources))
        chosen = torch.randperm(len(train), generator=generator_for(0, "real", self.direction))[:count]
        return tuple(train[place] for place in chosen.sort().values.tolist())

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
        return dict(zip(self.sources, partners_of(self.sources, self.references("test")), strict=True))

    def check_pairs(self) -> None:
        """Raises DataError where `true_translations` does."""
        _ = self.true_translations

    def truth(self, sources: Sequence[Path]) -> Tensor:
        """The true translations of some of `self.sources`, in their order: uint8 (n, 3, height, width) of `self.size`.

        Raises:
            DataError: see `true_translations`; or an image cannot be read.
        """
        from ugbench.data.tensors import load_images

        return load_images([self.true_translations[path] for path in sources], self.size)
