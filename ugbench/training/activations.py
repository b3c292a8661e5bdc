"""Activation checkpointing (Chen et al. 2016): blocks keep only their inputs, and compute the rest again.

The memory of a step falls and its time grows. Its results stay the same to the bit: the second forward pass computes
the same values, with the same random numbers, under the same autocast, and on the buffers of the first one.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ugbench.errors import UsageError
from ugbench.method import Method
from ugbench.nn.block import Block


def checkpoint_activations(method: Method) -> None:
    """Let the blocks of a method keep only their inputs from now on, if its config asks for that.

    Raises:
        UsageError: the networks of the method have no blocks (`ugbench.nn.block.Block`).
    """
    if not method.config.checkpoint_activations:
        return
    blocks = [module for module in method.modules() if isinstance(module, Block)]
    if not blocks:
        raise UsageError(
            "checkpoint_activations=true: no network of this method has blocks that can be computed again; leave the "
            "field out."
        )
    for block in blocks:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False, context_fn=partial(_contexts, block))


def _contexts(block: Block) -> tuple[AbstractContextManager[object], AbstractContextManager[object]]:
    """The contexts of the first forward pass, and of the one in the backward pass."""
    return nullcontext(), _EarlierBuffers(block)


class _EarlierBuffers:
    """Within the `with` block a module has copies of the buffers from when this was made; its own are not changed.

    So the second forward pass of a norm with running statistics neither sees nor changes those of later steps.
    """

    def __init__(self, module: nn.Module) -> None:
        self._earlier = [
            (part, name, buffer.clone())
            for part in module.modules()
            for name, buffer in part._buffers.items()
            if buffer is not None
        ]
        self._own: list[Tensor | None] = []

    def __enter__(self) -> None:
        self._own = [part._buffers[name] for part, name, _ in self._earlier]
        for part, name, buffer in self._earlier:
            part._buffers[name] = buffer.clone()

    def __exit__(self, *_error: object) -> None:
        for (part, name, _), buffer in zip(self._earlier, self._own, strict=True):
            part._buffers[name] = buffer
