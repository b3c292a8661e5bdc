"""Small methods that train with more than two folders, or with pairs, and keep what each step got."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from toy_runs import Toy

from ugbench.data.tensors import to_uint8
from ugbench.method import Batch, Phase


class Edged(Toy):
    """A method of one direction with a further folder."""

    directions: ClassVar = ("A2B",)
    splits: ClassVar = ("edgesB",)
    seen: ClassVar[list[dict[str, Tensor]]] = []

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        if type(batch.a) is Tensor:  # not one of the tensors without memory that counting uses
            images = {"a": batch.a, "b": batch.b, **batch.extra}
            self.seen.append({name: to_uint8(image) for name, image in images.items()})
        edges = batch.extra["edgesB"]
        with phase("discriminators") as loss:
            loss["edges"] = self.discriminator(edges).square().mean()


class Paired(Toy):
    """A method with pairs, and a further folder of partners."""

    paired: ClassVar = True
    splits: ClassVar = ("poses",)
    seen: ClassVar[list[dict[str, Tensor]]] = []

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        if type(batch.a) is Tensor:
            images = {"a": batch.a, "b": batch.b, **batch.extra}
            self.seen.append({name: to_uint8(image) for name, image in images.items()})
        with phase("generators") as loss:
            loss["poses"] = torch.tanh(self.generator(batch.a)).sub(batch.extra["poses"]).abs().mean()
