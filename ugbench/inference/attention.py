"""Computes the attention maps of images with a trained method."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ugbench.data.tensors import to_float
from ugbench.direction import Direction
from ugbench.inference.translate import device_of
from ugbench.method import Method


def attention_maps(
    method: Method, images: Tensor, direction: Direction, *, batch_size: int = 8, with_features: bool = False
) -> Iterator[dict[str, Tensor]]:
    """The attention maps of images, for one batch after another.

    Args:
        method: loaded with `all_networks`, see `ugbench.inference.translate.load`.
        images: uint8 (n, 3, size, size).
        with_features: also the feature maps of networks without attention, see `Method.feature_maps`.
    Yields:
        The maps by name, float32 (batch, 1, h, w) on the CPU, unscaled.
    """
    device = device_of(method)
    compute = method.feature_maps if with_features else method.attention
    for batch in images.split(batch_size):
        with torch.no_grad():
            maps = compute(to_float(batch).to(device), direction)
        yield {name: attention_map.float().cpu() for name, attention_map in maps.items()}


def attention_names(method: Method, direction: Direction) -> tuple[str, ...]:
    """The names of a method's attention maps in a direction, the main one first; empty if it has none.

    Args:
        method: loaded with `all_networks`, see `ugbench.inference.translate.load`.
    """
    image = torch.zeros(1, 3, method.config.size, method.config.size, dtype=torch.uint8)
    return tuple(next(attention_maps(method, image, direction)))
