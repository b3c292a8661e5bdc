"""Computes the attention maps of images with a trained method."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ugbench.data.tensors import to_float
from ugbench.direction import Direction
from ugbench.errors import RunError
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
    Raises:
        RunError: the method needs networks for its maps that an imported run lacks.
    """
    device = device_of(method)
    compute = method.feature_maps if with_features else method.attention
    for batch in images.split(batch_size):
        try:
            with torch.no_grad():
                maps = compute(to_float(batch).to(device), direction)
        except RuntimeError:
            if lacking := networks_without_weights(method):
                raise RunError(
                    f"attention maps need {', '.join(lacking)}, which this imported run lacks; leave attention out."
                ) from None
            raise
        yield {name: attention_map.float().cpu() for name, attention_map in maps.items()}


def networks_without_weights(method: Method) -> tuple[str, ...]:
    """The networks that the files of an imported checkpoint lacked, for a method loaded with `all_networks`."""
    return tuple(
        name for name, network in method.named_children() if any(tensor.is_meta for tensor in network.parameters())
    )


def attention_names(method: Method, direction: Direction) -> tuple[str, ...]:
    """The names of a method's attention maps in a direction, the main one first; empty if it has none.

    Args:
        method: loaded with `all_networks`, see `ugbench.inference.translate.load`.
    """
    image = torch.zeros(1, 3, method.config.size, method.config.size, dtype=torch.uint8)
    return tuple(next(attention_maps(method, image, direction)))
