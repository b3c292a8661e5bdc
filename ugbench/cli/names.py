"""Checks of names that a user gave, before modules are imported that take seconds to import, such as torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def check_names(
    methods: Iterable[str], datasets: Iterable[str] = (), data_root: Path = Path(), trackers: Iterable[str] = ()
) -> None:
    """Check that these methods, data sets and trackers exist; nothing is imported or opened for it.

    Args:
        datasets: values of --dataset.
    Raises:
        UnknownName: a method, a data set or a tracker has no such name.
        DataError: a data set is known but not there, or a dial's description is wrong.
    """
    from ugbench import registry
    from ugbench.data import dataset_names

    for method in methods:
        registry.check_name("methods", method)
    for tracker in trackers:
        registry.check_name("trackers", tracker)
    for dataset in datasets:
        dataset_names.check_name(dataset, data_root)
