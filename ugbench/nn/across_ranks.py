"""What layers need where several processes train one run: each of these ranks has a part of the images of each batch.

A layer that treats each image alone needs nothing. One that combines the images of a batch, such as batch norm or a
pool of images, derives from `SpansBatch` and asks its `ranks` for what the others have. A network that was built for
anything other than such a training has `ALONE`, which changes nothing and waits for no other process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Ranks:
    """The processes that train one run together, as one of them sees them.

    All of them must call the same functions in the same order, with tensors of equal shapes.

    Attributes:
        rank: the number of this process, from 0.
        count: the number of processes; with 1 nothing is sent, and torch.distributed is not used.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which alone writes files."""
        return self.rank == 0

    def part(self, images: int) -> slice:
        """Which images of a whole batch this rank has; `count` divides their number."""
        each = images // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def gathered(self, part: Tensor) -> Tensor:
        """The parts (n, ...) of all ranks as one tensor (count * n, ...), in the order of the whole batch.

        It has no gradient.
        """
        if self.count == 1:
            return part
        parts = [torch.empty_like(part, memory_format=torch.contiguous_format) for _ in range(self.count)]
        dist.all_gather(parts, part.detach().contiguous())
        return torch.cat(parts)

    def mean(self, x: Tensor) -> Tensor:
        """The mean of the ranks' tensors of one shape, the same on all ranks.

        Its gradient is that of the whole batch, if each rank's loss is the mean over its own images and the gradients
        of the parameters become means over the ranks, as in `ugbench.training.step`.
        """
        if self.count == 1:
            return x
        mean: Tensor = _Mean.apply(x, self)
        return mean


ALONE = Ranks()


class SpansBatch:
    """A mixin for modules that combine the images of a batch.

    Attributes:
        ranks: the ranks that the images of a batch are divided among.
    """

    ranks: Ranks = ALONE


def span_batch(module: nn.Module, ranks: Ranks) -> None:
    """Tell the parts of a module that combine the images of a batch which ranks the images are divided among."""
    for part in module.modules():
        if isinstance(part, SpansBatch):
            part.ranks = ranks


class _Mean(torch.autograd.Function):
    """The mean over ranks, of the tensors and of their gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return _mean(x, ranks)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        # Each rank's mean depends on 1 / count of x, and the total loss is 1 / count of the sum of the ranks' losses.
        # The second factor is applied to the gradients of the parameters, so that only the first one is applied here.
        return _mean(gradients[0], ctx.ranks), None


def _mean(x: Tensor, ranks: Ranks) -> Tensor:
    total = x.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total.div_(ranks.count)
