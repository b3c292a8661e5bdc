"""The mean of the ranks' gradients: whole ones in flat buckets, those in factors as factors.

Few large transfers are faster than one for each parameter. A gradient in factors (ugbench.nn.factored_linear) is the
sum of a term for each image, so that the factors of all ranks, one below the other, are the gradient of the whole
batch; for a weight much larger than the batch they are far smaller than the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ugbench.nn.across_ranks import Ranks
from ugbench.nn.factored_linear import FactoredGradient
from ugbench.training.gradients import Gradient, with_strides_of

BUCKET_BYTES = 1 << 25
"""Bytes of a bucket, 32 MB. A larger gradient has a bucket of its own."""


def averaged(
    gradients: Mapping[nn.Parameter, Gradient], numbers: Tensor, ranks: Ranks
) -> tuple[dict[nn.Parameter, Gradient], Tensor]:
    """The means over the ranks of gradients and of some numbers, the same on all ranks.

    Args:
        gradients: of the same parameters on each rank, in the same order.
        numbers: (n,), of a float type.
    """
    whole = {parameter: gradient for parameter, gradient in gradients.items() if isinstance(gradient, Tensor)}
    means = _means([*whole.values(), numbers], ranks)
    mean_of: dict[nn.Parameter, Gradient] = {}
    for parameter, mean in zip(whole, means, strict=False):
        mean_of[parameter] = with_strides_of(parameter, mean)
    for parameter, gradient in gradients.items():
        if isinstance(gradient, FactoredGradient):
            outputs, inputs = ranks.gathered(gradient.outputs), ranks.gathered(gradient.inputs)
            mean_of[parameter] = FactoredGradient(outputs.div_(ranks.count), inputs)
    return {parameter: mean_of[parameter] for parameter in gradients}, means[-1]


def _means(tensors: list[Tensor], ranks: Ranks) -> list[Tensor]:
    """The mean over the ranks of each tensor, contiguous."""
    sent = []
    for bucket in _buckets(tensors):
        flat = torch.cat([tensors[place].flatten() for place in bucket])
        sent.append((bucket, flat, dist.all_reduce(flat, async_op=True)))
    means = list(tensors)
    for bucket, flat, work in sent:
        assert work is not None
        work.wait()
        parts = flat.div_(ranks.count).split([tensors[place].numel() for place in bucket])
        for place, part in zip(bucket, parts, strict=True):
            means[place] = part.view(tensors[place].shape)
    return means


def _buckets(tensors: list[Tensor]) -> Iterator[list[int]]:
    """The places of tensors of one type that are sent together, in order."""
    bucket: list[int] = []
    size = 0
    for place, tensor in enumerate(tensors):
        is_full = size + tensor.nbytes > BUCKET_BYTES
        if bucket and (is_full or tensor.dtype != tensors[bucket[0]].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(place)
        size += tensor.nbytes
    if bucket:
        yield bucket
