"""What each training step sees: a pure function of the run's seed and the step's number.

Nothing here remembers where it was, so a resumed run sees what an uninterrupted one would have seen. Images
lie as uint8 on the training device; a batch is cut out of them there, without worker processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

from ugbench.data.seeding import generator_for
from ugbench.data.tensors import to_float
from ugbench.method import Batch, Draw


def training_size(size: int) -> int:
    """Side in px to which training images are squashed, before crops of `size`: 286 for the paper's 256."""
    return round(size * 286 / 256)


class Batches:
    """The batches of a run.

    Images come in a fresh random order every epoch, each domain with its own epochs; each is cropped to size
    x size px at random and mirrored with probability 1/2.
    """

    def __init__(
        self,
        a: Tensor,
        b: Tensor,
        *,
        size: int,
        batch_size: int,
        seed: int,
        draws: Mapping[str, Draw],
        device: torch.device | str,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Keep the images on `device`.

        Args:
            a, b: uint8 (n, 3, s, s) with s = training_size(size); n may differ between the two.
            draws: the randomness that the method's steps consume.
            dtype: of the images. Draws have it too, but float32 at least.
        Raises:
            ValueError: images of another type or shape.
        """
        side = training_size(size)
        for name, images in (("a", a), ("b", b)):
            if images.dtype != torch.uint8 or images.shape[1:] != (3, side, side) or len(images) == 0:
                given = f"{images.dtype} {tuple(images.shape)}"
                raise ValueError(f"{name}: {given} was given; expected uint8 (n, 3, {side}, {side}).")
        self.images = {"a": a.to(device), "b": b.to(device)}
        self.size, self.batch_size, self.seed, self.dtype = size, batch_size, seed, dtype
        self.draws = dict(draws)
        self.device = torch.device(device)
        # Memory only: what it returns is a function of its arguments. A batch spans two epochs at times.
        self._order = lru_cache(maxsize=4)(self._shuffled)

    def at(self, step: int) -> Batch:
        """The batch of a step: the same whenever, and after whatever, it is asked for."""
        draws = {name: self._draw(step, name, draw) for name, draw in self.draws.items()}
        return Batch(self._cut("a", step), self._cut("b", step), draws, step)

    def indices(self, domain: str, step: int) -> list[int]:
        """Which images of domain "a" or "b" a step sees."""
        count = len(self.images[domain])
        first = step * self.batch_size
        return [
            self._order(domain, position // count)[position % count]
            for position in range(first, first + self.batch_size)
        ]

    def _shuffled(self, domain: str, epoch: int) -> list[int]:
        generator = generator_for(self.seed, "epoch", epoch, domain)
        order: list[int] = torch.randperm(len(self.images[domain]), generator=generator).tolist()
        return order

    def _cut(self, domain: str, step: int) -> Tensor:
        images, size = self.images[domain], self.size
        room = images.shape[-1] - size
        corners = torch.randint(
            room + 1, (self.batch_size, 2), generator=generator_for(self.seed, step, f"crop_{domain}")
        ).tolist()
        flips = torch.rand(self.batch_size, generator=generator_for(self.seed, step, f"flip_{domain}")).tolist()
        crops = []
        for index, (top, left), flip in zip(self.indices(domain, step), corners, flips, strict=True):
            crop = images[index, :, top : top + size, left : left + size]
            crops.append(crop.flip(-1) if flip < 0.5 else crop)
        return to_float(torch.stack(crops)).to(self.dtype)

    def _draw(self, step: int, name: str, draw: Draw) -> Tensor:
        shape = (self.batch_size, *draw.shape) if draw.per == "sample" else draw.shape
        sample = torch.rand if draw.kind == "uniform" else torch.randn
        values = sample(shape, generator=generator_for(self.seed, step, f"draw_{name}"))
        # In bfloat16 a uniform number could round up to 1.
        return values.to(self.device, torch.promote_types(self.dtype, torch.float32))
