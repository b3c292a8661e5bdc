"""Sums of a kernel over sets of images, block by block: no n x n matrix is ever in memory.

The kernel is KID's cubic one, k(x, y) = (x.y / d + 1)^3, or another that a caller gives. Dot products and sums are
float64, because an MMD is a small difference of large sums (but see `_grouped`, for subsets). On a device without
float64 (mps) the sums are computed on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from typing import TypeAlias

import torch
from torch import Tensor

Kernel: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Takes features (n, d) and (m, d), float, and returns the kernel of each pair, float64 (n, m), in new memory."""

BLOCK = 2048  # 2048 x 2048 float64 is 32 MiB
GROUPED_BLOCK = 1024  # block size of _grouped
SELF_BLOCK = 64  # block size of self_kernels, which needs the diagonal of each block only
SMALLEST = 256  # blocks of _grouped on the diagonal are not split further at this size


def cubic(x: Tensor, y: Tensor) -> Tensor:
    """KID's kernel of each pair, float64 (n, m): Binkowski et al. (ICLR 2018), section 4."""
    base = (x.double() @ y.double().T).div_(x.shape[1]).add_(1)
    return base.square().mul_(base)


@dataclass(frozen=True)
class RowSums:
    """For each image the sum of its kernel values, float64.

    Every tensor may have a second axis, b, for b choices of the two sets. Then `estimate`, `left_out` and
    `variance_of` return one value for each.

    Attributes:
        fake: (n,), over the other fakes, without the image itself.
        real: (m,), over the other reals, without the image itself.
        fake_cross: (n,), over all reals.
        real_cross: (m,), over all fakes.
    """

    fake: Tensor
    real: Tensor
    fake_cross: Tensor
    real_cross: Tensor


def row_sums(fake: Tensor, real: Tensor, kernel: Kernel = cubic) -> RowSums:
    """The row sums that the estimate and its jackknife need, from features (n, d) and (m, d)."""
    fake, real = _with_float64(fake), _with_float64(real)
    fake_cross, real_cross = _zeros(fake), _zeros(real)
    for rows, columns, values in blocks(fake, real, kernel):
        fake_cross[rows] += values.sum(1)
        real_cross[columns] += values.sum(0)
    return RowSums(_sums_within(fake, kernel), _sums_within(real, kernel), fake_cross, real_cross)


def unbiased(sums: RowSums) -> float:
    """The unbiased U-statistic of MMD^2 for sets of any two sizes >= 2 (Gretton et al. 2012, eq. 3)."""
    return float(estimate(sums))


def estimate(sums: RowSums) -> Tensor:
    """`unbiased` as a float64 tensor, () or (b,)."""
    n, m = len(sums.fake), len(sums.real)
    within = sums.fake.sum(0) / (n * (n - 1)) + sums.real.sum(0) / (m * (m - 1))
    return within - 2 * sums.fake_cross.sum(0) / (n * m)


def squared_distance(sums: RowSums, fake_self: Tensor, real_self: Tensor) -> tuple[Tensor, Tensor]:
    """The biased V-statistic of MMD^2 and its standard error, float64 () or (b,) (Gretton et al. 2012, eq. 5).

    It counts each image's kernel with itself too, and so is the squared distance of the two sets' means in the space of
    the kernel, at least 0. Its error is that of its linear part: the spread over each set of twice the witness function
    (section 2.3), the mean kernel with the fakes minus that with the reals.

    Args:
        fake_self, real_self: `self_kernels` of the two sets, (n,) and (m,), or (n, b) and (m, b), at least 2 images.
    """
    n, m = len(fake_self), len(real_self)
    of_fake = (sums.fake + fake_self) / n - sums.fake_cross / m
    of_real = sums.real_cross / n - (sums.real + real_self) / m
    distance = (of_fake.mean(0) - of_real.mean(0)).clamp(min=0)
    return distance, 2 * (of_fake.var(0) / n + of_real.var(0) / m).sqrt()


def self_kernels(x: Tensor, kernel: Kernel = cubic) -> Tensor:
    """The kernel of each image with itself, float64 (n,), from features (n, d)."""
    x = _with_float64(x)
    return torch.cat([kernel(x[rows], x[rows]).diagonal() for rows in _slices(len(x), SELF_BLOCK)])


def shares(sums: RowSums) -> Tensor:
    """The contribution of each fake to `unbiased`, float64 (n,); their mean is the estimate.

    It is the mean kernel with the other fakes, minus twice the mean kernel with the reals, plus the mean kernel between
    the reals, so it is larger for an image that is farther from the reals. Compare MMD's witness function (Gretton et
    al. 2012, section 2.3).
    """
    n, m = len(sums.fake), len(sums.real)
    return sums.fake / (n - 1) - 2 * sums.fake_cross / m + sums.real.sum(0) / (m * (m - 1))


def jackknife_se(sums: RowSums) -> float | None:
    """Standard error of `unbiased` by deleting each image of either set once; None with fewer than 3 images per set.

    Where the two distributions are equal the statistic is degenerate, and this error is too large.
    """
    if min(len(sums.fake), len(sums.real)) < 3:
        return None
    return math.sqrt(variance_of(*left_out(sums)))


def left_out(sums: RowSums) -> tuple[Tensor, Tensor]:
    """`estimate` without each fake, (n,) or (n, b), and without each real, (m,) or (m, b); at least 3 images per set.

    It is exact from the row sums: without image i the sum of kernels of its set decreases by twice row i, and the cross
    sum by the cross row i.
    """
    n, m = len(sums.fake), len(sums.real)
    fake, real, cross = sums.fake.sum(0), sums.real.sum(0), sums.fake_cross.sum(0)
    without_fake = (fake - 2 * sums.fake) / ((n - 1) * (n - 2)) - 2 * (cross - sums.fake_cross) / ((n - 1) * m)
    without_real = (real - 2 * sums.real) / ((m - 1) * (m - 2)) - 2 * (cross - sums.real_cross) / (n * (m - 1))
    return without_fake, without_real


def variance_of(without_fake: Tensor, without_real: Tensor) -> Tensor:
    """The jackknife's variance, () or (b,), from the results of `left_out`; the two sets are independent."""
    return jackknife_variance(without_fake) + jackknife_variance(without_real)


def jackknife_variance(estimates: Tensor) -> Tensor:
    """The delete-one jackknife's variance, () or (b,), from the estimates without each image, (n,) or (n, b)."""
    n = len(estimates)
    return (n - 1) / n * (estimates - estimates.mean(0)).square().sum(0)


def subset_values(fake: Tensor, real: Tensor, fake_picks: Tensor, real_picks: Tensor) -> Tensor:
    """The unbiased estimate of each of k pairs of subsets, float64 (k,).

    Args:
        fake, real: features (n, d) and (m, d).
        fake_picks, real_picks: indices (k, s), s >= 2, without repetition within a row.
    """
    fake, real = _with_float64(fake), _with_float64(real)
    count, size = fake_picks.shape
    # Many or large subsets overlap, so one pass over all pairs (the diagonal of S'KS) costs less.
    if count * size * size > max(len(fake), len(real)) ** 2:
        in_fake, in_real = _membership(fake_picks, fake), _membership(real_picks, real)
        centre = (fake.mean(0) + real.mean(0)) / 2
        within = _grouped(fake, fake, in_fake, in_fake, centre) + _grouped(real, real, in_real, in_real, centre)
        return within / (size * (size - 1)) - 2 * _grouped(fake, real, in_fake, in_real, centre) / size**2
    picks = zip(fake_picks, real_picks, strict=True)
    values = [unbiased(row_sums(fake[fake_rows], real[real_rows])) for fake_rows, real_rows in picks]
    return torch.tensor(values, dtype=torch.float64)


def grouped_within(x: Tensor, groups: Tensor, kernel: Kernel = cubic) -> Tensor:
    """Sums of k over the pairs of different images in each group, float64 (g,), from features (n, d).

    Args:
        groups: bool (n, g) on x's device, true where image n is in group g.
    """
    total = torch.zeros(groups.shape[1], dtype=torch.float64, device=x.device)
    for rows, columns, values in half_blocks(x, kernel):
        times = 1 if rows == columns else 2
        total += times * _grouped_block(values, groups[rows], groups[columns])
    return total


def grouped_cross(x: Tensor, y: Tensor, in_x: Tensor, in_y: Tensor, kernel: Kernel = cubic) -> Tensor:
    """Sums of k over the pairs of an image of x and one of y in each group, (g,); otherwise as `grouped_within`."""
    total = torch.zeros(in_x.shape[1], dtype=torch.float64, device=x.device)
    for rows, columns, values in blocks(x, y, kernel):
        total += _grouped_block(values, in_x[rows], in_y[columns])
    return total


def _grouped_block(kernel: Tensor, in_rows: Tensor, in_columns: Tensor) -> Tensor:
    return ((in_rows.T.to(kernel.dtype) @ kernel) * in_columns.T).sum(1)


def _grouped(x: Tensor, y: Tensor, in_x: Tensor, in_y: Tensor, centre: Tensor) -> Tensor:
    """For each group the sum of k(x_i, y_j) - k(centre, centre), float64 (g,); if y is x, over the pairs i != j.

    Let v be the difference of the two dot products divided by d, and b = 1 + |centre|^2 / d. Then the summand is the
    cubic ((v + 3 b) v + 3 b^2) v.

    A constant in the kernel drops out of the unbiased estimate. Without it, and with features relative to the centre,
    the remaining terms are as small as the spread of the features. So float32 is exact enough, and costs half.
    """
    total = torch.zeros(in_x.shape[1], dtype=torch.float64, device=x.device)
    d = len(centre)
    base = 1 + float(centre @ centre) / d
    along_x, along_y = ((side @ centre - centre @ centre) / d for side in (x, y))
    centred, centred_rows = x[:0], slice(0, 0)
    row_slices, column_slices = _slices(len(x), GROUPED_BLOCK), _slices(len(y), GROUPED_BLOCK)
    all_pairs = ((rows, columns, 1) for rows, columns in product(row_slices, column_slices))
    for rows, columns, times in _halves(row_slices) if x is y else all_pairs:
        if rows != centred_rows:
            centred, centred_rows = (x[rows] - centre).div_(d), rows
        # addmm would include one of these additions, but is a tenth slower on a CPU.
        kernel = (centred @ (y[columns] - centre).T).add_(along_x[rows, None]).add_(along_y[columns])
        kernel = (kernel + 3 * base).mul_(kernel).add_(3 * base**2).mul_(kernel)
        if x is y and rows == columns:
            kernel.fill_diagonal_(0)
        total += times * ((in_x[rows].T @ kernel) * in_y[columns].T).sum(1, dtype=torch.float64)
    return total


def _halves(slices: Sequence[slice]) -> Iterator[tuple[slice, slice, int]]:
    """Blocks of a symmetric matrix, cut by `slices`, with their weights: 2 above the diagonal, 1 on it.

    Blocks on the diagonal are split further, because they compute each pair twice.
    """
    for rows, columns in combinations_with_replacement(slices, 2):
        yield from _triangle(rows) if rows == columns else [(rows, columns, 2)]


def _triangle(block: slice) -> Iterator[tuple[slice, slice, int]]:
    if block.stop - block.start <= SMALLEST:
        yield block, block, 1
        return
    middle = (block.start + block.stop) // 2
    first, second = slice(block.start, middle), slice(middle, block.stop)
    yield first, second, 2
    yield from _triangle(first)
    yield from _triangle(second)


def half_blocks(x: Tensor, kernel: Kernel = cubic) -> Iterator[tuple[slice, slice, Tensor]]:
    """The blocks on and above the diagonal of the kernel matrix of x with itself; the diagonal is set to 0."""
    for rows, columns in combinations_with_replacement(_slices(len(x)), 2):
        values = kernel(x[rows], x[columns])
        yield rows, columns, values.fill_diagonal_(0) if rows == columns else values


def blocks(x: Tensor, y: Tensor, kernel: Kernel = cubic) -> Iterator[tuple[slice, slice, Tensor]]:
    """The blocks of the kernel matrix between x (n, d) and y (m, d), each with its rows and columns."""
    for rows, columns in product(_slices(len(x)), _slices(len(y))):
        yield rows, columns, kernel(x[rows], y[columns])


def _sums_within(x: Tensor, kernel: Kernel) -> Tensor:
    sums = _zeros(x)
    for rows, columns, values in half_blocks(x, kernel):
        sums[rows] += values.sum(1)
        if rows != columns:
            sums[columns] += values.sum(0)
    return sums


def _slices(n: int, block: int | None = None) -> list[slice]:
    block = block or BLOCK
    return [slice(start, min(start + block, n)) for start in range(0, n, block)]


def _membership(picks: Tensor, x: Tensor) -> Tensor:
    """(n, k) of x's dtype: 1 where image n is in subset k, else 0."""
    members = torch.zeros(len(x), len(picks), dtype=x.dtype, device=x.device)
    return members.scatter_(0, picks.T.to(x.device), 1.0)


def _zeros(x: Tensor) -> Tensor:
    return torch.zeros(len(x), dtype=torch.float64, device=x.device)


def _with_float64(x: Tensor) -> Tensor:
    return x.cpu() if x.device.type == "mps" else x
