"""The base class of the blocks of a network whose activations can be computed again."""

from __future__ import annotations

from torch import nn


class Block(nn.Module):
    """A part of a network that depends on its inputs, parameters and buffers alone, such as a residual block.

    With the config field `checkpoint_activations` it keeps its inputs for the backward pass and computes everything
    else again (ugbench.training.activations).
    """
