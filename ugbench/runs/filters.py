"""Selects what belongs to some data sets, with errors for empty results and for data sets without any."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeVar

from ugbench.errors import UsageError
from ugbench.file_names import readable

T = TypeVar("T")


def nothing_found(results: Path, what: str, fix: str) -> UsageError:
    """The error for a results folder that does not exist or holds nothing of what was looked for.

    Args:
        what: what was looked for, such as "scores".
        fix: how to make some, such as "run `ugbench eval` to make some".
    """
    if not results.is_dir():
        return UsageError(f"--results {results}: there is no such folder; name the one that holds the runs.")
    return UsageError(f"no {what} under {results}; {fix}.")


def select_datasets(
    items: Iterable[T], dataset_of_item: Callable[[T], str], names: Collection[str], results: Path, what: str, fix: str
) -> list[T]:
    """The items that belong to the named data sets; all items if no data set is named.

    Args:
        dataset_of_item: the name of an item's data set.
        names: the names of data sets, from `--dataset`.
        results: the folder that the items come from.
        what, fix: see `nothing_found`.
    Raises:
        UsageError: there are no items, or none of a named data set; the message says which data sets have some.
    """
    items, names = list(items), [readable(name) for name in names]
    if not items:
        raise nothing_found(results, what, fix)
    available = sorted({dataset_of_item(item) for item in items})
    for name in names:
        if name not in available:
            raise UsageError(f"--dataset {name}: no {what} of it under {results}, only of {', '.join(available)}.")
    return [item for item in items if not names or dataset_of_item(item) in names]
