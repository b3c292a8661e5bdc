"""A permutation test of the unbiased MMD, as KID is: do two sets of features come from one distribution?

Near 0 no interval of it is both honest and tight, because its statistic is degenerate there. A permutation test needs
no interval. Under the hypothesis the labels "fake" and "real" are arbitrary, so each relabelling is as likely as the
observed one (Gretton et al. 2012, section 5, with permutations in place of the bootstrap).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.metrics import _kernel

PERMUTATIONS = 1000
_CHUNK = 1_000_000  # random numbers at a time
_ROUNDING = 1e-11  # times the mean kernel: values that differ by less are ties


def equality_p_value(
    fake: Tensor,
    real: Tensor,
    sums: _kernel.RowSums,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    kernel: _kernel.Kernel = _kernel.cubic,
) -> float:
    """The p-value (1 + hits) / (1 + permutations); a hit is a relabelling with an MMD of at least the observed one.

    The test is exact for sets of any size, and one-sided: only a large MMD speaks against equality. Each relabelling
    needs the sum of kernels within its fakes; together with the row sums it gives the other two sums. The kernel is
    computed in blocks, so the memory beyond the features is one byte per image and permutation.

    Args:
        fake, real: features (n, d) and (m, d), at least 2 images per set.
        sums: their `_kernel.row_sums` with this kernel.
        permutations: number of random relabellings.
        seed: of the relabellings.
    """
    if fake.device.type == "mps":
        fake, real = fake.cpu(), real.cpu()
    rows = torch.cat([sums.fake + sums.fake_cross, sums.real + sums.real_cross]).to(fake.device)
    n, m = len(fake), len(real)
    labels = _relabellings(n, n + m, permutations, seed).to(fake.device)
    fake_labels, real_labels = labels[:n], labels[n:]
    within_fake = _kernel.grouped_within(fake, fake_labels, kernel)
    within_fake += _kernel.grouped_within(real, real_labels, kernel)
    within_fake += 2 * _kernel.grouped_cross(fake, real, fake_labels, real_labels, kernel)
    parts = zip(rows.split(_kernel.BLOCK), labels.split(_kernel.BLOCK), strict=True)
    cross = torch.stack([row_part @ label_part.double() for row_part, label_part in parts]).sum(0) - within_fake
    within_real = rows.sum() - within_fake - 2 * cross
    values = within_fake / (n * (n - 1)) + within_real / (m * (m - 1)) - 2 * cross / (n * m)
    tie = _ROUNDING * rows.sum().abs() / ((n + m) * (n + m - 1))
    hits = int((values[1:] >= values[0] - tie).sum())
    return (1 + hits) / (1 + permutations)


def _relabellings(n: int, total: int, count: int, seed: int) -> Tensor:
    """Bool (total, 1 + count), n true values per column; the first column holds the observed labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(total, 1 + count, dtype=torch.bool)
    labels[:n, 0] = True
    for columns in labels[:, 1:].split(max(1, _CHUNK // total), dim=1):
        picks = torch.rand(columns.shape[1], total, generator=generator).argsort(1)[:, :n]
        columns.scatter_(0, picks.T, True)
    return labels
