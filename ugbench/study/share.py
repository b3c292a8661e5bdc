"""Which of a study's runs one of several machines trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """The runs with the numbers k, k + n, k + 2n … of a study, counted from 1; k is from 1 to n."""

    k: int = 1
    n: int = 1

    def of(self, runs: Sequence[T]) -> list[T]:
        """The runs of this share. Each run is in one of the n shares, whatever is done already."""
        return list(runs[self.k - 1 :: self.n])


ALL = Share()
