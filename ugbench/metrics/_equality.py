"""Whether two sets of features come from one distribution: a permutation test of the unbiased KID.

Near 0 KID has no interval that is honest and tight: its statistic is degenerate there. A permutation test needs
none. Under the hypothesis which features are called fake is by chance, so any relabelling is as likely as this one
(Gretton et al. 2012, section 5, by permutation in place of the bootstrap).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.metrics import _kernel

PERMUTATIONS = 1000
_CHUNK = 1_000_000  # random numbers at a time
_ROUNDING = 1e-11  # of the mean kernel: values nearer than this are ties


def equality_p_value(
    fake: Tensor, real: Tensor, sums: _kernel.RowSums, permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """The share of relabellings whose KID is at least the observed one, itself counted: (1 + hits) / (1 + count).

    Exact at any sizes, one-sided: only a large KID speaks against equality. Each relabelling needs the sum of
    kernels inside its fakes; with the rows' sums that gives the other two sums. The kernel comes in blocks, so memory
    beyond the features is a byte an image and permutation, whatever the number of pairs.

    Args:
        fake, real: features (n, d) and (m, d), at least 2 a side.
        sums: their `_kernel.row_sums`.
    """
    if fake.device.type == "mps":
        fake, real = fake.cpu(), real.cpu()
    rows = torch.cat([sums.fake + sums.fake_cross, sums.real + sums.real_cross]).to(fake.device)
    n, m = len(fake), len(real)
    labels = _relabellings(n, n + m, permutations, seed).to(fake.device)
    of_fake, of_real = labels[:n], labels[n:]
    within_fake = _kernel.grouped_own(fake, of_fake) + _kernel.grouped_own(real, of_real)
    within_fake += 2 * _kernel.grouped_cross(fake, real, of_fake, of_real)
    parts = zip(rows.split(_kernel.BLOCK), labels.split(_kernel.BLOCK), strict=True)
    cross = torch.stack([own @ chosen.double() for own, chosen in parts]).sum(0) - within_fake
    within_real = rows.sum() - within_fake - 2 * cross
    values = within_fake / (n * (n - 1)) + within_real / (m * (m - 1)) - 2 * cross / (n * m)
    tie = _ROUNDING * rows.sum().abs() / ((n + m) * (n + m - 1))
    hits = int((values[1:] >= values[0] - tie).sum())
    return (1 + hits) / (1 + permutations)


def _relabellings(n: int, total: int, count: int, seed: int) -> Tensor:
    """(total, 1 + count) bool, n true in a column; the first column is the labels as they are."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(total, 1 + count, dtype=torch.bool)
    labels[:n, 0] = True
    for columns in labels[:, 1:].split(max(1, _CHUNK // total), dim=1):
        picks = torch.rand(columns.shape[1], total, generator=generator).argsort(1)[:, :n]
        columns.scatter_(0, picks.T, True)
    return labels
