"""KID as the U-GAT-IT authors' code counts it: the mean over small blocks (protocol `authors2019`).

Both sets are cut in file order into as many blocks as the larger needs at 10 images each; a block's unbiased KID
uses that block's images alone. Its value depends on the order of the files, which that code left to the file
system; so sort the files, and give the spread over random orders beside the value. It uses few of the pairs, and
near equality its spread is some three times that of the full statistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metric import Score
from ugbench.metrics import _features, _kernel
from ugbench.metrics._intervals import student_interval

LARGEST = 10
SOURCE_WEIGHT = 0.98
ORDERS = 100


@dataclass(frozen=True)
class Orders:
    """The value over random orders of both sets' files.

    Attributes:
        mean, sd: over the orders; sd with ddof 1.
        smallest, largest: the range of values that an unsorted listing could have given.
        orders: how many.
    """

    mean: float
    sd: float
    smallest: float
    largest: float
    orders: int


def block_sizes(n: int, blocks: int) -> list[int]:
    """Sizes of `blocks` consecutive parts of n images, as equal as may be, the smaller ones first."""
    small, larger = divmod(n, blocks)
    return [small] * (blocks - larger) + [small + 1] * larger


def block_values(fake: Tensor, real: Tensor, largest: int = LARGEST) -> Tensor:
    """The unbiased KID of each block, (b,) float64, b = ceil(max(n, m) / largest).

    Args:
        fake, real: features (n, d) and (m, d), in the order of their files sorted by name.
    Raises:
        UsageError: sets so unequal, or so small, that a block has fewer than 2 images of one of them.
        UgbenchError: a feature is NaN or Inf.
    """
    fake, real = _features.checked("kid", fake, real, least=2)
    blocks = math.ceil(max(len(fake), len(real)) / largest)
    sizes = [block_sizes(len(x), blocks) for x in (fake, real)]
    if min(min(one) for one in sizes) < 2:
        raise UsageError(
            f"kid: {len(fake)} fake and {len(real)} real images make {blocks} blocks with fewer than 2 images of "
            "one set in some; give sets of like sizes, or use the full KID."
        )
    parts = zip(fake.split(sizes[0]), real.split(sizes[1]), strict=True)
    values = [_kernel.unbiased(_kernel.row_sums(one, other)) for one, other in parts]
    return torch.tensor(values, dtype=torch.float64)


def block_score(fake: Tensor, real: Tensor, largest: int = LARGEST) -> Score:
    """The mean of the blocks' values, sd / sqrt(blocks) as its standard error, Student's 95 % interval, and the
    standard deviation over random orders of the files.

    That standard error is what the authors' code prints as "std". With one block there is none. The arguments and
    errors are those of `block_values`.
    """
    score = _score(block_values(fake, real, largest))
    return replace(score, order_sd=over_orders(fake, real, largest=largest).sd)


def mixed_score(
    fake: Tensor, target: Tensor, source: Tensor, source_weight: float = SOURCE_WEIGHT, largest: int = LARGEST
) -> Score:
    """(w KID(source, fake) + (1 - w) KID(target, fake)) / 2, w = 0.98: the last version of the authors' code.

    An output depends on its own source, and both lie in one block, so the part of the source is biased; and a
    translator that does nothing nearly always wins. Print it beside the untouched sources, and mark no best.

    Where all sets make the same blocks, the standard error is that of the mixed values of the blocks, which share
    their fakes. Otherwise there is none. (The authors' code mixes the two standard errors, which is never less.)

    Args:
        fake: features (n, d) of outputs.
        target, source: features (m, d) and (k, d) of the real images of both domains.
        source_weight: w.
    Raises:
        UsageError, UgbenchError: as `block_values`.
    """
    of_target, of_source = block_values(fake, target, largest), block_values(fake, source, largest)
    weights = (1 - source_weight) / 2, source_weight / 2
    if len(of_target) == len(of_source):
        return _score(weights[0] * of_target + weights[1] * of_source)
    return Score(float(weights[0] * of_target.mean() + weights[1] * of_source.mean()))


def over_orders(fake: Tensor, real: Tensor, orders: int = ORDERS, seed: int = 0, largest: int = LARGEST) -> Orders:
    """`block_score`'s value over random orders of both sets; at least 2 orders.

    The arguments and errors are those of `block_values`.
    """
    generator = torch.Generator().manual_seed(seed)

    def shuffled(x: Tensor) -> Tensor:
        return x[torch.randperm(len(x), generator=generator).to(x.device)]

    values = torch.stack([block_values(shuffled(fake), shuffled(real), largest).mean() for _ in range(orders)])
    return Orders(float(values.mean()), float(values.std()), float(values.min()), float(values.max()), orders)


def _score(values: Tensor) -> Score:
    value, blocks = float(values.mean()), len(values)
    if blocks < 2:
        return Score(value)
    se = float(values.std()) / math.sqrt(blocks)
    return Score(value, se, *student_interval(value, se, blocks))
