"""The layout of networks in memory on the device that trains them."""

from __future__ import annotations

import torch
from torch import nn


def move_to(method: nn.Module, device: torch.device) -> None:
    """Move a method to the device on which it trains; on a GPU of NVIDIA its images are channels-last from then on.

    There the convolutions of tensor cores work on channels-last images, and cuDNN would convert all others and convert
    the results back. A convolution with a channels-last weight gives channels-last images. Values stay the same.
    """
    method.to(device)
    if device.type == "cuda":
        use_channels_last(method)


def use_channels_last(method: nn.Module) -> None:
    """Store the parameters and buffers that have four dimensions channels-last."""
    method.to(memory_format=torch.channels_last)
