"""Compares the forward passes that a published checkpoint may have been trained with, if its tensors fit several.

A generator that was trained with the identity loss hardly changes images of its target domain, but only in the forward
pass that it was trained with. So the pass that changes them least is the right one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ugbench.direction import Direction
from ugbench.method import Method


@dataclass(frozen=True)
class Reconstruction:
    """How well each revision of a checkpoint reconstructs images of the target domain.

    Attributes:
        chosen: the revision that was asked for.
        errors: mean |G(b) - b| by revision, for images b in [-1, 1].
    """

    chosen: str
    errors: dict[str, float]

    @property
    def best(self) -> str:
        """The revision with the smallest error; the chosen revision if its error is equally small."""
        return min(self.errors, key=lambda revision: (self.errors[revision], revision != self.chosen))

    @property
    def warning(self) -> str | None:
        """A sentence if another revision fits better than the chosen one, else None."""
        if self.best == self.chosen:
            return None
        return (
            f"revision {self.chosen} was taken, but {self.best} fits better: it changes images of the target domain "
            f"by {self.errors[self.best]:.3g} in the mean, {self.chosen} by {self.errors[self.chosen]:.3g}; "
            f"import again with --revision {self.best}."
        )


def compare(
    methods: Mapping[str, Method], chosen: str, targets: Tensor, direction: Direction, batch_size: int = 8
) -> Reconstruction:
    """The reconstruction errors of each revision.

    Args:
        methods: the checkpoint loaded in each revision, in eval mode, on the device of `targets`.
        chosen: the key of `methods` that was asked for.
        targets: images of the direction's target domain, (n, 3, size, size) in [-1, 1].
        batch_size: images that are translated at once.
    Raises:
        ValueError: there are no images, or `chosen` is not a key of `methods`.
    """
    if not len(targets) or chosen not in methods:
        raise ValueError(f"{len(targets)} images, and revision {chosen} of {', '.join(methods)}")
    errors = {}
    for revision, method in methods.items():
        total = 0.0
        for batch in targets.split(batch_size):
            with torch.no_grad():
                total += float((method.translate(batch, direction).float() - batch).abs().mean()) * len(batch)
        errors[revision] = total / len(targets)
    return Reconstruction(chosen, errors)
