"""Compares the forward passes that a published checkpoint may have been trained with, if its tensors fit several.

A generator that was trained with the identity loss hardly changes images of its target domain, but only in the forward
pass that it was trained with. So the pass that changes them least is the right one.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ugbench.data.styles import draw_styles
from ugbench.direction import Direction
from ugbench.method import Method


def errors_by_revision(methods: Mapping[str, Method], targets: Tensor, direction: Direction) -> dict[str, float]:
    """How much each revision changes images of the target domain: mean |G(b) - b| by revision.

    A method with a style gets one drawn style for each image, the same in each revision.

    Args:
        methods: the checkpoint loaded in each revision, in eval mode, on the device of `targets`.
        targets: a few images b of the direction's target domain, (n, 3, h, w) in [-1, 1], n at least 1.
    """
    errors = {}
    for revision, method in methods.items():
        style = None
        if method.style_dim:
            style = draw_styles(method.style_dim, range(len(targets)))[:, 0].to(targets.device)
        with torch.no_grad():
            output = method.translate(targets, direction, style)
        errors[revision] = float((output.float() - targets).abs().mean())
    return errors


def warning(errors: Mapping[str, float], chosen: str) -> str | None:
    """A sentence if another revision has a smaller error than the chosen one, else None."""
    best = min(errors, key=lambda revision: (errors[revision], revision != chosen))
    if best == chosen:
        return None
    return (
        f"revision {chosen} was taken, but {best} fits better: it changes images of the target domain by "
        f"{errors[best]:.3g} in the mean, {chosen} by {errors[chosen]:.3g}; import again with --revision {best}."
    )
