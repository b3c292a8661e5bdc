"""Whether two checkpoints' KIDs differ: a studentised permutation test over sources.

A permutation swaps the two outputs of some sources. That alone tests whether the outputs are exchangeable, a
stronger statement than that the two KIDs are equal. So the statistic is the difference divided by its own paired
standard error, which makes the test sensitive to the KIDs' difference (Chung and Romano, Annals of Statistics 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ugbench.metrics import _kernel
from ugbench.statistics import holm
from ugbench.statistics.paired import Difference, checked_pairs, paired

PERMUTATIONS = 1000
_CHUNK = 4_000_000  # numbers in one array of images x permutations: 32 MB
_ROUNDING = 1e-9


@dataclass(frozen=True)
class CheckpointClaim:
    """What can be said of two checkpoints; images are the unit, and nothing is said of other training runs.

    Attributes:
        difference: KID of the first minus KID of the second.
        p_value: two-sided, of the studentised permutation test.
        n, m: sources and references.
        adjusted_p: p_value after Holm over the family that `over_family` was given.
    """

    difference: Difference
    p_value: float
    n: int
    m: int
    adjusted_p: float | None = None

    def text(self, first: str, second: str, alpha: float = 0.05) -> str:
        """One sentence that says which claim this is; `first` and `second` name the checkpoints."""
        p, name = (self.p_value, "p") if self.adjusted_p is None else (self.adjusted_p, "Holm p")
        verdict = "these checkpoints differ" if p <= alpha else "these checkpoints are not shown to differ"
        return (
            f"{verdict}: KID of {first} minus KID of {second} is {self.difference.value:.3g} "
            f"(standard error {self.difference.se:.2g}, {name} = {p:.3g}, {self.n} sources, {self.m} references), "
            "which says nothing of other training runs."
        )


def compare(
    first: Tensor, second: Tensor, real: Tensor, permutations: int = PERMUTATIONS, seed: int = 0
) -> CheckpointClaim:
    """The paired difference and its test.

    The p-value is (1 + hits) / (1 + permutations). Kernels come in blocks and permutations in chunks: no kernel
    matrix is held.

    Args:
        first, second: features (n, d); row i of both is made from source i. n >= 3.
        real: features (m, d) of the references, m >= 3.
        seed: of the swaps.
    Raises:
        UsageError, UgbenchError: as `ugbench.statistics.paired.paired`.
    """
    first, second, real = checked_pairs(first, second, real)
    generator = torch.Generator().manual_seed(seed)
    swaps = torch.rand(len(first), permutations, generator=generator) < 0.5
    swaps = torch.cat([torch.zeros(len(first), 1, dtype=torch.bool), swaps], 1)
    found = studentised(first, second, real, swaps).abs()
    hits = int((found[1:] >= found[0] * (1 - _ROUNDING)).sum())
    p_value = (1 + hits) / (1 + permutations)
    return CheckpointClaim(paired(first, second, real), p_value, len(first), len(real))


def over_family(claims: Sequence[CheckpointClaim]) -> list[CheckpointClaim]:
    """The same claims with p-values adjusted for all of them being made together."""
    adjusted = holm.adjusted([claim.p_value for claim in claims])
    return [replace(claim, adjusted_p=p) for claim, p in zip(claims, adjusted, strict=True)]


def studentised(first: Tensor, second: Tensor, real: Tensor, swaps: Tensor) -> Tensor:
    """Difference of KIDs over its paired standard error, (b,) float64, for each choice of swaps.

    Where the standard error is 0 (the two outputs of every source are equal) it is 0.

    Args:
        first, second, real: features (n, d), (n, d), (m, d) of one dtype.
        swaps: bool (n, b), true where source i's two outputs change places.
    """
    both, swaps = torch.cat([first, second]), swaps.to(first.device)
    if both.device.type == "mps":
        both, real, swaps = both.cpu(), real.cpu(), swaps.cpu()
    width = max(1, _CHUNK // (len(both) + len(real)))
    return torch.cat([_studentised(both, real, chunk) for chunk in torch.split(swaps, width, dim=1)])


def _studentised(both: Tensor, real: Tensor, swaps: Tensor) -> Tensor:
    in_first = torch.cat([~swaps, swaps]).double()
    own_first, own_all = torch.zeros_like(in_first), in_first.new_zeros(len(both), 1)
    for rows, columns, kernel in _kernel.half_blocks(both):
        own_first[rows] += kernel @ in_first[columns]
        own_all[rows] += kernel.sum(1, keepdim=True)
        if rows != columns:
            own_first[columns] += kernel.T @ in_first[rows]
            own_all[columns] += kernel.sum(0)[:, None]
    cross, cross_first = torch.zeros_like(own_all), in_first.new_zeros(len(real), swaps.shape[1])
    cross_all = in_first.new_zeros(len(real), 1)
    for rows, columns, kernel in _kernel.blocks(both, real):
        cross[rows] += kernel.sum(1, keepdim=True)
        cross_first[columns] += kernel.T @ in_first[rows]
        cross_all[columns] += kernel.sum(0)[:, None]
    # The references' own sums are common to both KIDs and leave every difference.
    common = torch.zeros_like(cross_all)
    one = _kernel.RowSums(_placed(own_first, swaps), common, _placed(cross, swaps), cross_first)
    other = _kernel.RowSums(
        _placed(own_all - own_first, ~swaps), common, _placed(cross, ~swaps), cross_all - cross_first
    )
    parts = [a - b for a, b in zip(_kernel.left_out(one), _kernel.left_out(other), strict=True)]
    difference, se = _kernel.estimate(one) - _kernel.estimate(other), _kernel.variance_of(parts[0], parts[1]).sqrt()
    scale = cross.mean().abs() / len(real)
    return torch.where(se > _ROUNDING * scale, difference / se, torch.zeros_like(se))


def _placed(values: Tensor, swaps: Tensor) -> Tensor:
    """(n, b): of each source the value, of (2 n, b or 1), of the output that the swaps put first."""
    first, second = values.chunk(2)
    return torch.where(swaps, second, first)
