"""Sample grids: the translations of the same few images at several steps of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.tensors import save_png, to_float, to_uint8
from ugbench.direction import Direction
from ugbench.method import Method


def write(file: Path, method: Method, images: dict[str, Tensor], directions: Sequence[Direction]) -> None:
    """Write a grid: for each direction a row of sources above a row of their outputs; no images, no file.

    Args:
        images: uint8 images (n, 3, s, s) by domain, "A" and "B".
        directions: the directions that the run translates.
    """
    rows = []
    device = next(method.parameters()).device
    training = method.training
    method.eval()
    with torch.no_grad():
        for direction in directions:
            source = images.get(direction[0])
            if source is None or len(source) == 0:
                continue
            style = torch.zeros(len(source), method.style_dim, device=device) if method.style_dim else None
            output = method.translate(to_float(source).to(device), direction, style)
            rows += [source, to_uint8(output).cpu()]
    method.train(training)
    if rows:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_png(torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1), file)
