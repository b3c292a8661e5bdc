"""The loss terms of a phase: a dict that checks each term when it is set, so that an error names the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ugbench.errors import UgbenchError
from ugbench.training.method_lines import calling_line


class LossTerms(dict[str, Tensor]):
    """Loss terms by name. Each is stored as a float32 scalar; float64 stays float64."""

    def __init__(self, phase: str) -> None:
        super().__init__()
        self._phase, self._is_open = phase, True

    def close(self) -> None:
        """Take no more terms, because the phase has ended."""
        self._is_open = False

    def __setitem__(self, name: str, value: Tensor) -> None:
        """Set a term.

        Raises:
            UgbenchError: it is no floating-point scalar, or the phase has ended; the message names the line.
        """
        if not self._is_open:
            raise UgbenchError(
                f"{calling_line()}: the loss term '{name}' is set after the phase '{self._phase}' has ended; set it in "
                "the `with` block."
            )
        if not isinstance(value, Tensor):
            problem = f"is of type {type(value).__name__}"
        elif value.ndim:
            problem = f"has the shape {tuple(value.shape)}"
        elif not value.is_floating_point():
            problem = f"is of type {value.dtype}"
        else:
            super().__setitem__(name, value.to(torch.promote_types(value.dtype, torch.float32)))
            return
        raise UgbenchError(
            f"{calling_line()}: the loss term '{name}' of the phase '{self._phase}' {problem}; a term is a scalar "
            "tensor, such as the mean over the samples."
        )

    def update(self, *terms: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]], **named: Tensor) -> None:  # type: ignore[override]
        """Set several terms, as `__setitem__` does."""
        for name, value in dict(*terms, **named).items():
            self[name] = value

    def __ior__(self, terms: Any) -> LossTerms:  # type: ignore[misc, override]
        self.update(terms)
        return self
