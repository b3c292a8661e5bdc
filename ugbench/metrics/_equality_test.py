"""A permutation test of the unbiased MMD, as KID is: do two sets of features come from one distribution?

Near 0 no interval of the MMD is both correct and narrow, because the statistic is degenerate there. A permutation test
needs no interval. Under the hypothesis the labels "fake" and "real" are arbitrary, so each relabelling is as likely as
the observed one (Gretton et al. 2012, section 5, with permutations in place of the bootstrap).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.metrics import _kernel
from ugbench.metrics._monte_carlo import monte_carlo_p

LEAST_IMAGES = 4
"""Images per set. With 3 against 3 there are 20 relabellings, and no p-value below 0.1."""
LEVEL = 0.05
"""The level with which readers compare the p-value."""

_CHUNK = 1_000_000  # random numbers at a time
_ROUNDING = 1e-11  # times the mean kernel: values that differ by less are ties


def equality_p_value(
    fake: Tensor,
    real: Tensor,
    sums: _kernel.RowSums,
    permutations: int | None = None,
    seed: int = 0,
    kernel: _kernel.Kernel = _kernel.cubic,
) -> float | None:
    """The p-value (1 + hits) / (1 + permutations); a hit is a relabelling with an MMD of at least the observed one.

    The test is exact for sets of any size, and one-sided: only a large MMD shows a difference. Each relabelling
    needs the sum of kernels within its fakes; together with the row sums it gives the other two sums. The kernel is
    computed in blocks, so the memory beyond the features is one byte per image and permutation of a batch.

    Args:
        fake, real: features (n, d) and (m, d), at least 2 images per set.
        sums: their `_kernel.row_sums` with this kernel.
        permutations: number of random relabellings; None for as many as it takes to tell p from 0.05, see
            `ugbench.metrics._monte_carlo`.
        seed: of the relabellings.
    Returns:
        None if a set has fewer than `LEAST_IMAGES` images.
    """
    n, m = len(fake), len(real)
    if min(n, m) < LEAST_IMAGES:
        return None
    if fake.device.type == "mps":
        fake, real = fake.cpu(), real.cpu()
    rows = torch.cat([sums.fake + sums.fake_cross, sums.real + sums.real_cross]).to(fake.device)
    tie = _ROUNDING * rows.sum().abs() / ((n + m) * (n + m - 1))
    generator = torch.Generator().manual_seed(seed)

    def hits_in_next(count: int) -> int:
        values = _estimates(fake, real, rows, _relabellings(n, n + m, count, generator).to(fake.device), kernel)
        return int((values[1:] >= values[0] - tie).sum())

    return monte_carlo_p(hits_in_next, [LEVEL], n + m, permutations).value


def _estimates(fake: Tensor, real: Tensor, rows: Tensor, labels: Tensor, kernel: _kernel.Kernel) -> Tensor:
    """The unbiased MMD^2 of each relabelling, (1 + count,).

    Args:
        rows: sums of each image's kernels with all others, (n + m,).
        labels: of `_relabellings`.
    """
    n, m = len(fake), len(real)
    fake_labels, real_labels = labels[:n], labels[n:]
    within_fake = _kernel.grouped_within(fake, fake_labels, kernel)
    within_fake += _kernel.grouped_within(real, real_labels, kernel)
    within_fake += 2 * _kernel.grouped_cross(fake, real, fake_labels, real_labels, kernel)
    parts = zip(rows.split(_kernel.BLOCK), labels.split(_kernel.BLOCK), strict=True)
    cross = torch.stack([row_part @ label_part.double() for row_part, label_part in parts]).sum(0) - within_fake
    within_real = rows.sum() - within_fake - 2 * cross
    return within_fake / (n * (n - 1)) + within_real / (m * (m - 1)) - 2 * cross / (n * m)


def _relabellings(n: int, total: int, count: int, generator: torch.Generator) -> Tensor:
    """Bool (total, 1 + count), n true values per column; the first column holds the observed labels."""
    labels = torch.zeros(total, 1 + count, dtype=torch.bool)
    labels[:n, 0] = True
    for columns in labels[:, 1:].split(max(1, _CHUNK // total), dim=1):
        picks = torch.rand(columns.shape[1], total, generator=generator).argsort(1)[:, :n]
        columns.scatter_(0, picks.T, True)
    return labels
