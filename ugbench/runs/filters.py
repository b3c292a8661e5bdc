"""What a results folder holds, and the refusals of those who looked for something else in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeVar

from ugbench.errors import UsageError

T = TypeVar("T")


def nothing(results: Path, what: str, mend: str) -> UsageError:
    """The error where a results folder has nothing to show; that it is not there at all, where it is not.

    Args:
        what: that was looked for, as "scores".
        mend: what makes some, as "run `ugbench eval` to make some".
    """
    if not results.is_dir():
        return UsageError(f"--results {results}: there is no such folder; name the one that holds the runs.")
    return UsageError(f"no {what} under {results}; {mend}.")


def of_datasets(
    found: Iterable[T], dataset: Callable[[T], str], wanted: Collection[str], results: Path, what: str, mend: str
) -> list[T]:
    """Of what was found under the results that which is of these data sets; all where none is named.

    Args:
        dataset: of one of them.
        what, mend: see `nothing`.
    Raises:
        UsageError: nothing was found, or nothing of a data set that is named; says of which there is.
    """
    found = list(found)
    if not found:
        raise nothing(results, what, mend)
    there = sorted({dataset(one) for one in found})
    for name in wanted:
        if name not in there:
            raise UsageError(f"--dataset {name}: no {what} of it under {results}, only of {', '.join(there)}.")
    return [one for one in found if not wanted or dataset(one) in wanted]
