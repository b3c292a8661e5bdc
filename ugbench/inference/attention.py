"""Computes the attention maps of images with a trained method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ugbench.arithmetic import exact_float32
from ugbench.data.tensors import to_float
from ugbench.direction import Direction
from ugbench.inference.translate import check_finite, device_of
from ugbench.method import Method


def attention_maps(
    method: Method,
    images: Tensor,
    direction: Direction,
    *,
    batch_size: int = 8,
    with_features: bool = False,
    names: Sequence[object] = (),
) -> Iterator[dict[str, Tensor]]:
    """The attention maps of images, for one batch after another.

    Args:
        method: loaded with `all_networks`, see `ugbench.inference.translate.load`.
        images: uint8 (n, 3, h, w).
        with_features: also the feature maps of networks without attention, see `Method.feature_maps`.
        names: what an error calls each image, such as its path; empty for its number.
    Yields:
        The maps by name, float32 (batch, 1, h, w) on the CPU, unscaled.
    Raises:
        RunError: the method needs networks for its maps that an imported run lacks.
        UgbenchError: a map is NaN or infinite.
    """
    device = device_of(method)
    compute = method.feature_maps if with_features else method.attention
    for start, batch in zip(range(0, len(images), batch_size), images.split(batch_size), strict=True):
        with torch.no_grad(), exact_float32():
            maps = compute(to_float(batch).to(device), direction)
        for name, attention_map in maps.items():
            check_finite(f"attention map {name}", attention_map, names or range(1, len(images) + 1), start)
        yield {name: attention_map.float().cpu() for name, attention_map in maps.items()}


def networks_without_weights(method: Method) -> tuple[str, ...]:
    """The networks that the files of an imported checkpoint lacked, for a method loaded with `all_networks`.

    Frozen networks that translation does not need are not among them: no run stores those.
    """
    never_stored = method.frozen.keys() - method.inference().keys()
    return tuple(
        name
        for name, network in method.named_children()
        if name not in never_stored and any(tensor.is_meta for tensor in network.parameters())
    )


def attention_names(method: Method, direction: Direction) -> tuple[str, ...]:
    """The names of a method's attention maps in a direction, the main one first; empty if it has none.

    Args:
        method: loaded with `all_networks`, see `ugbench.inference.translate.load`.
    """
    image = torch.zeros(1, 3, *method.config.image_shape, dtype=torch.uint8)
    return tuple(next(attention_maps(method, image, direction)))
