"""KID as the U-GAT-IT authors' code computes it: the mean over small blocks (protocol `authors2019`).

Both sets are cut in file order into blocks, so many that a block of the larger set has at most 10 images. The unbiased
KID of a block uses only the images of this block. The value depends on the order of the files, which that code left
to the file system. So sort the files, and report the spread over random orders beside the value. This estimator uses
few of the pairs; near equality its spread is about three times that of the full statistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metric import Score
from ugbench.metrics import _features, _kernel
from ugbench.metrics._defaults import BLOCK_SIZE, SOURCE_WEIGHT
from ugbench.metrics._intervals import student_interval

ORDERS = 100


@dataclass(frozen=True)
class Orders:
    """Statistics of the value over random orders of both sets' files.

    Attributes:
        mean, sd: mean and standard deviation (ddof 1) over the orders.
        smallest, largest: the range of values that an unsorted listing could have given.
        orders: number of orders.
    """

    mean: float
    sd: float
    smallest: float
    largest: float
    orders: int


def block_sizes(n: int, blocks: int) -> list[int]:
    """Sizes of `blocks` consecutive parts of n images; they differ by at most 1, and the smaller ones come first."""
    small, larger = divmod(n, blocks)
    return [small] * (blocks - larger) + [small + 1] * larger


def block_values(fake: Tensor, real: Tensor, largest: int = BLOCK_SIZE) -> Tensor:
    """The unbiased KID of each block, float64 (b,), b = ceil(max(n, m) / largest).

    Args:
        fake, real: features (n, d) and (m, d), in the order of their files sorted by name.
        largest: images per block at most.
    Raises:
        UsageError: the sets are so unequal, or so small, that a block has fewer than 2 images of one of them.
        UgbenchError: a feature is NaN or Inf.
    """
    fake, real = _features.checked("kid", fake, real, least=2)
    blocks = math.ceil(max(len(fake), len(real)) / largest)
    sizes = [block_sizes(len(x), blocks) for x in (fake, real)]
    if min(map(min, sizes)) < 2:
        raise UsageError(
            f"kid: {len(fake)} fake and {len(real)} real images make {blocks} blocks with fewer than 2 images of "
            "one set in some; give sets of like sizes, or use the full KID."
        )
    parts = zip(fake.split(sizes[0]), real.split(sizes[1]), strict=True)
    values = [_kernel.unbiased(_kernel.row_sums(fake_block, real_block)) for fake_block, real_block in parts]
    return torch.tensor(values, dtype=torch.float64)


def block_score(fake: Tensor, real: Tensor, largest: int = BLOCK_SIZE) -> Score:
    """The mean of the blocks' values with its standard error sd / sqrt(blocks), Student's 95 % interval, and the
    standard deviation over random orders of the files.

    The authors' code prints this standard error as "std". With one block there is none. The arguments and errors are
    those of `block_values`.
    """
    score = _score(block_values(fake, real, largest))
    return replace(score, order_sd=over_orders(fake, real, largest=largest).sd)


def mixed_score(
    fake: Tensor, target: Tensor, source: Tensor, source_weight: float = SOURCE_WEIGHT, largest: int = BLOCK_SIZE
) -> Score:
    """(w KID(source, fake) + (1 - w) KID(target, fake)) / 2, w = 0.98: the last version of the authors' code.

    An output depends on its own source, and both lie in one block, so the source term is biased, and a
    translator that does nothing nearly always has the lowest value. Print it beside the value of the untouched sources,
    and mark no value as the best.

    Where all sets make the same number of blocks, the standard error is computed from one mixed value per block,
    because both terms of a block share their outputs. Otherwise there is none. (The authors' code mixes the two
    standard errors, which never gives a smaller number.)

    Args:
        fake: features (n, d) of outputs.
        target, source: features (m, d) and (k, d) of the real images of both domains.
        source_weight: w.
    Raises:
        UsageError, UgbenchError: as `block_values`.
    """
    target_values, source_values = block_values(fake, target, largest), block_values(fake, source, largest)
    weights = (1 - source_weight) / 2, source_weight / 2
    if len(target_values) == len(source_values):
        return _score(weights[0] * target_values + weights[1] * source_values)
    return Score(float(weights[0] * target_values.mean() + weights[1] * source_values.mean()))


def over_orders(fake: Tensor, real: Tensor, orders: int = ORDERS, seed: int = 0, largest: int = BLOCK_SIZE) -> Orders:
    """Statistics of `block_score`'s value over random orders of both sets; at least 2 orders.

    The other arguments and errors are those of `block_values`.
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
