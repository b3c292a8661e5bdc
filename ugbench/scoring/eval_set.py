"""The images of a data set that scores use in one direction: sources, references and, on a dial, true translations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ugbench.data.datasets import DataSet
from ugbench.data.images import Size
from ugbench.data.splits import TEST, TRAIN
from ugbench.direction import Direction

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

    def truth(self, sources: Sequence[Path]) -> Tensor:
        """The true translations of some of `self.sources` on a dial, in their order: uint8 (n, 3, size, size)."""
        from ugbench.data.dial.dataset import truth

        assert isinstance(self.size, int)
        places = {path: place for place, path in enumerate(self.sources)}
        return truth(self.dataset, self.direction, self.size)[[places[path] for path in sources]]
