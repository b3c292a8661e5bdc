"""Counts the FLOPs of what runs in a `with` block."""

from __future__ import annotations

from torch.utils.flop_counter import FlopCounterMode


def flop_counter() -> FlopCounterMode:
    """A counter, for a `with` block: multiplications and additions of convolutions and matrix products.

    Unlike torch's own it does not ask which module an operation belongs to, because the hooks for that fail where a
    step computes gradients of a network's input, as a gradient penalty does.
    """
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _WholeStep()  # type: ignore[assignment]
    return counter


class _WholeStep:
    """Stands in for torch's tracker of modules: every operation belongs to the whole."""

    parents = ("Global",)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        pass
