"""The images of one data set, direction and size that scores need, each read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ugbench.data.batches import generator_for
from ugbench.data.datasets import DataSet, Split
from ugbench.data.dial import truth
from ugbench.data.images import load_images
from ugbench.method import Direction
from ugbench.scoring.wanted import Reference


@dataclass(frozen=True)
class Material:
    """The images of one direction at one size, uint8 (n, 3, s, s): what references and sources are."""

    dataset: DataSet
    direction: Direction
    size: int

    def load(self, split: Split) -> Tensor:
        """A split through the test transform."""
        return load_images(self.dataset.split(split), self.size)

    @property
    def source_domain(self) -> str:
        """A or B."""
        return self.direction[0]

    @property
    def target_domain(self) -> str:
        """A or B."""
        return self.direction[2]

    @cached_property
    def sources(self) -> Tensor:
        """The source domain's test images."""
        return self.load("testA" if self.source_domain == "A" else "testB")

    @cached_property
    def test_references(self) -> Tensor:
        """The target domain's test images."""
        return self.load("testA" if self.target_domain == "A" else "testB")

    @cached_property
    def train_references(self) -> Tensor:
        """The target domain's training images."""
        return self.load("trainA" if self.target_domain == "A" else "trainB")

    @cached_property
    def as_many_training_images(self) -> Tensor:
        """Training images of the target, as many as there are sources: FID and the like depend on the number."""
        train = self.train_references
        count = min(len(train), len(self.sources))
        chosen = torch.randperm(len(train), generator=generator_for(0, "real", self.direction))[:count]
        return train[chosen.sort().values]

    @cached_property
    def truth(self) -> Tensor:
        """The true translations of `sources`, on a dial."""
        return truth(self.dataset, self.direction, self.size)

    def references(self, reference: Reference) -> Tensor:
        """What outputs are held against."""
        return self.test_references if reference == "test" else self.train_references
