"""A studentised permutation test over sources: do the KIDs of two checkpoints differ?

A permutation swaps the two outputs of some sources. That alone would test whether the outputs are exchangeable, a
stronger statement than that the two KIDs are equal. So the statistic is the difference divided by its paired standard
error, which makes the test one of the KIDs' difference (Chung and Romano, Annals of Statistics 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ugbench.metrics import _kernel, kid
from ugbench.statistics import holm
from ugbench.statistics.paired import checked_pairs, paired
from ugbench.statistics.recovery import Difference
from ugbench.statistics.seeds import ALPHA

PERMUTATIONS = 1000
_CHUNK = 4_000_000  # numbers in one array of images x permutations; they take 32 MB
_ROUNDING = 1e-9


@dataclass(frozen=True)
class CheckpointClaim:
    """A claim about two checkpoints. The image is the unit, and the claim does not extend to other training runs.

    Attributes:
        difference: KID of the first minus KID of the second.
        p_value: two-sided, of the studentised permutation test.
        n, m: number of sources and of references.
        adjusted_p: p_value after Holm's adjustment by `over_family`; None before it.
    """

    difference: Difference
    p_value: float
    n: int
    m: int
    adjusted_p: float | None = None

    def text(self, first: str, second: str) -> str:
        """The claim in one sentence, with KID as tables print it; `first` and `second` are the checkpoints' names."""
        title, scale = kid.METRIC.title, kid.METRIC.scale
        value, se = scale * self.difference.value, scale * self.difference.se
        p, name = (self.p_value, "p") if self.adjusted_p is None else (self.adjusted_p, "Holm p")
        verdict = "these checkpoints differ" if p <= ALPHA else "these checkpoints are not shown to differ"
        return (
            f"{verdict}: {title} of {first} minus that of {second} is {value:.3g} "
            f"(standard error {se:.2g}, {name} = {p:.3g}, {self.n} sources, {self.m} references), "
            "which says nothing of other training runs."
        )


def compare(
    first: Tensor, second: Tensor, real: Tensor, permutations: int = PERMUTATIONS, seed: int = 0
) -> CheckpointClaim:
    """The paired difference and its test.

    The p-value is (1 + hits) / (1 + permutations). Kernels are computed in blocks and permutations in chunks, so no
    kernel matrix is in memory.

    Args:
        first, second: features (n, d); row i of both is made from source i. n >= 3.
        real: features (m, d) of the references, m >= 3.
        permutations: number of random swaps.
        seed: of the swaps.
    Raises:
        UsageError, UgbenchError: as `ugbench.statistics.paired.paired`.
    """
    first, second, real = checked_pairs(first, second, real)
    generator = torch.Generator().manual_seed(seed)
    swaps = torch.rand(len(first), permutations, generator=generator) < 0.5
    swaps = torch.cat([torch.zeros(len(first), 1, dtype=torch.bool), swaps], 1)
    statistics = studentised(first, second, real, swaps).abs()
    hits = int((statistics[1:] >= statistics[0] * (1 - _ROUNDING)).sum())
    p_value = (1 + hits) / (1 + permutations)
    return CheckpointClaim(paired(first, second, real), p_value, len(first), len(real))


def over_family(claims: Sequence[CheckpointClaim]) -> list[CheckpointClaim]:
    """The same claims with Holm's adjusted p-values, for claims that are made together."""
    adjusted = holm.adjusted([claim.p_value for claim in claims])
    return [replace(claim, adjusted_p=p) for claim, p in zip(claims, adjusted, strict=True)]


def studentised(first: Tensor, second: Tensor, real: Tensor, swaps: Tensor) -> Tensor:
    """The difference of KIDs divided by its paired standard error, float64 (b,), for each choice of swaps.

    It is 0 where the standard error is 0 (the two outputs of each source are equal).

    Args:
        first, second, real: features (n, d), (n, d), (m, d) of one dtype.
        swaps: bool (n, b), true where the two outputs of source i are swapped.
    """
    both, swaps = torch.cat([first, second]), swaps.to(first.device)
    if both.device.type == "mps":
        both, real, swaps = both.cpu(), real.cpu(), swaps.cpu()
    width = max(1, _CHUNK // (len(both) + len(real)))
    return torch.cat([_studentised(both, real, chunk) for chunk in torch.split(swaps, width, dim=1)])


def _studentised(both: Tensor, real: Tensor, swaps: Tensor) -> Tensor:
    in_first = torch.cat([~swaps, swaps]).double()
    within_first, within_all = torch.zeros_like(in_first), in_first.new_zeros(len(both), 1)
    for rows, columns, kernel in _kernel.half_blocks(both):
        within_first[rows] += kernel @ in_first[columns]
        within_all[rows] += kernel.sum(1, keepdim=True)
        if rows != columns:
            within_first[columns] += kernel.T @ in_first[rows]
            within_all[columns] += kernel.sum(0)[:, None]
    cross, cross_first = torch.zeros_like(within_all), in_first.new_zeros(len(real), swaps.shape[1])
    cross_all = in_first.new_zeros(len(real), 1)
    for rows, columns, kernel in _kernel.blocks(both, real):
        cross[rows] += kernel.sum(1, keepdim=True)
        cross_first[columns] += kernel.T @ in_first[rows]
        cross_all[columns] += kernel.sum(0)[:, None]
    # The sums among the references are common to both KIDs and cancel in each difference.
    common = torch.zeros_like(cross_all)
    first = _kernel.RowSums(_placed(within_first, swaps), common, _placed(cross, swaps), cross_first)
    second = _kernel.RowSums(
        _placed(within_all - within_first, ~swaps), common, _placed(cross, ~swaps), cross_all - cross_first
    )
    (first_fake, first_real), (second_fake, second_real) = _kernel.left_out(first), _kernel.left_out(second)
    difference = _kernel.estimate(first) - _kernel.estimate(second)
    se = _kernel.variance_of(first_fake - second_fake, first_real - second_real).sqrt()
    scale = cross.mean().abs() / len(real)
    return torch.where(se > _ROUNDING * scale, difference / se, torch.zeros_like(se))


def _placed(values: Tensor, swaps: Tensor) -> Tensor:
    """For each source the value of the output that the swaps put first: (n, b) of values (2 n, b or 1)."""
    first, second = values.chunk(2)
    return torch.where(swaps, second, first)
