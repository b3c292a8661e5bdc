"""The difference in KID of two checkpoints with its test, and a permutation test over sources for comparison.

The claim is made by Student's t of the paired difference (`ugbench.statistics.paired_test`), as in tables. The
permutation test swaps the two outputs of some sources at random. That alone would test whether the outputs are
exchangeable, a stronger statement than that the two KIDs are equal. So its statistic is the difference divided by its
paired standard error, which makes the test one of the KIDs' difference (Chung and Romano, Annals of Statistics 2013).
Its p-value is given beside that of Student's t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ugbench.metrics import _kernel, kid
from ugbench.metrics._monte_carlo import MonteCarloP, monte_carlo_p
from ugbench.statistics import holm
from ugbench.statistics.paired import checked_pairs, paired
from ugbench.statistics.paired_test import LEAST_IMAGES, paired_p
from ugbench.statistics.recovery import Difference
from ugbench.statistics.seeds import ALPHA

_CHUNK = 4_000_000  # numbers in one array of images x permutations; they take 32 MB
_ROUNDING = 1e-9


@dataclass(frozen=True)
class CheckpointClaim:
    """A claim about two checkpoints. The image is the unit, and the claim does not extend to other training runs.

    Attributes:
        difference: KID of the first minus KID of the second.
        p_value: two-sided, of Student's t of the paired difference; None with too few images.
        n, m: number of sources and of references.
        adjusted_p: p_value after Holm's adjustment by `over_family`; None before it.
        swap_p: two-sided, of the permutation test, for comparison only; None with too few images.
        permutations: number of random swaps that `swap_p` comes from.
        adjusted_swap_p: swap_p after Holm's adjustment.
    """

    difference: Difference
    p_value: float | None
    n: int
    m: int
    adjusted_p: float | None = None
    swap_p: float | None = None
    permutations: int = 0
    adjusted_swap_p: float | None = None

    @property
    def is_shown(self) -> bool:
        """True if the test shows that the checkpoints differ, after Holm if there is a family."""
        p = self.p_value if self.adjusted_p is None else self.adjusted_p
        return p is not None and p <= ALPHA

    def text(self, first: str, second: str) -> str:
        """The claim in one sentence, with KID as tables print it; `first` and `second` are the checkpoints' names."""
        title, scale = kid.METRIC.title, kid.METRIC.scale
        value, se = scale * self.difference.value, scale * self.difference.se
        measured = f"{title} of {first} minus that of {second} is {value:.3g}"
        images = f"{self.n} sources, {self.m} references"
        if self.p_value is None:
            return (
                f"these checkpoints are not tested, because that takes {LEAST_IMAGES} images per set: {measured} "
                f"(standard error {se:.2g}, {images})."
            )
        p, name = (self.p_value, "p") if self.adjusted_p is None else (self.adjusted_p, "Holm p")
        verdict = "these checkpoints differ" if self.is_shown else "these checkpoints are not shown to differ"
        return (
            f"{verdict}: {measured} (standard error {se:.2g}, {name} = {p:.3g}, {images}), "
            "which says nothing of other training runs."
        )


def compare(
    first: Tensor,
    second: Tensor,
    real: Tensor,
    permutations: int | None = None,
    seed: int = 0,
    comparisons: int = 1,
) -> CheckpointClaim:
    """The paired difference and its tests; no test with fewer than `LEAST_IMAGES` images per set.

    Args:
        first, second: features (n, d); row i of both is made from source i. n >= 3.
        real: features (m, d) of the references, m >= 3.
        permutations: number of random swaps; None for as many as it takes, see `swap_test`.
        seed: of the swaps.
        comparisons: number of claims that are made together.
    Raises:
        UsageError, UgbenchError: as `ugbench.statistics.paired.paired`.
    """
    difference, n, m = paired(first, second, real), len(first), len(real)
    p_value = paired_p(difference.value, difference.se, min(n, m))
    if p_value is None:
        return CheckpointClaim(difference, None, n, m)
    swaps = swap_test(first, second, real, permutations, seed, comparisons)
    return CheckpointClaim(difference, p_value, n, m, swap_p=swaps.value, permutations=swaps.permutations)


def swap_test(
    first: Tensor,
    second: Tensor,
    real: Tensor,
    permutations: int | None = None,
    seed: int = 0,
    comparisons: int = 1,
) -> MonteCarloP:
    """The permutation test, for any number of images from 3 on; the arguments and errors are those of `compare`.

    By default it draws as many swaps as it takes to tell p from the levels of all steps of Holm's adjustment. Kernels
    are computed in blocks and permutations in chunks, so no kernel matrix is in memory.
    """
    first, second, real = checked_pairs(first, second, real)
    generator = torch.Generator().manual_seed(seed)
    observed = float(studentised(first, second, real, torch.zeros(len(first), 1, dtype=torch.bool)).abs())

    def hits_in_next(count: int) -> int:
        swaps = torch.rand(len(first), count, generator=generator) < 0.5
        return int((studentised(first, second, real, swaps).abs() >= observed * (1 - _ROUNDING)).sum())

    levels = [ALPHA / rank for rank in range(1, comparisons + 1)]
    return monte_carlo_p(hits_in_next, levels, 2 * len(first) + len(real), permutations)


def over_family(claims: Sequence[CheckpointClaim]) -> list[CheckpointClaim]:
    """The same claims with Holm's adjusted p-values, for claims that are made together."""
    adjusted = holm.adjusted([claim.p_value for claim in claims])
    adjusted_swaps = holm.adjusted([claim.swap_p for claim in claims])
    return [
        replace(claim, adjusted_p=p, adjusted_swap_p=swap_p)
        for claim, p, swap_p in zip(claims, adjusted, adjusted_swaps, strict=True)
    ]


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
