"""The files of one data set, direction and size that scores need: sources, references and, on a dial, truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.datasets import DataSet
from ugbench.data.dial.dataset import truth
from ugbench.data.images import Size
from ugbench.data.seeding import generator_for
from ugbench.data.splits import TEST, TRAIN
from ugbench.direction import Direction
from ugbench.scoring.protocols import Reference


@dataclass(frozen=True)
class Material:
    """What outputs of one direction are held against, and the size at which that is done."""

    dataset: DataSet
    direction: Direction
    size: Size

    @cached_property
    def sources(self) -> tuple[Path, ...]:
        """The source domain's test images, sorted by name."""
        return tuple(self.dataset.split(TEST[self.direction[0]]))

    def references(self, reference: Reference) -> tuple[Path, ...]:
        """The target domain's test or training images."""
        return tuple(self.dataset.split((TEST if reference == "test" else TRAIN)[self.direction[2]]))

    @property
    def has_training_images(self) -> bool:
        """Whether the target domain has any."""
        return self.dataset.has(TRAIN[self.direction[2]])

    @cached_property
    def as_many_training_images(self) -> tuple[Path, ...]:
        """Training images of the target, as many as there are sources: FID and the like depend on the number."""
        train = self.references("train")
        count = min(len(train), len(self.sources))
        chosen = torch.randperm(len(train), generator=generator_for(0, "real", self.direction))[:count]
        return tuple(train[place] for place in chosen.sort().values.tolist())

    def truth(self, sources: tuple[Path, ...]) -> Tensor:
        """The true translations of some of `self.sources`, on a dial: uint8 (n, 3, s, s)."""
        assert isinstance(self.size, int)
        places = {path: place for place, path in enumerate(self.sources)}
        return truth(self.dataset, self.direction, self.size)[[places[path] for path in sources]]
