"""Progress of a loop, reported to a caller that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with how many items are done and how many there are in total."""


def tracked(items: Iterable[T], total: int, progress: Progress | None) -> Iterator[T]:
    """The items one after another; `progress` is called when the next item is asked for, so the one before is done."""
    for done, item in enumerate(items, 1):
        yield item
        if progress is not None:
            progress(done, total)
