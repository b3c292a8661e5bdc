"""The four splits of a data set: training and test images of the domains A and B."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Split = Literal["trainA", "trainB", "testA", "testB"]

SPLITS: tuple[Split, ...] = ("trainA", "trainB", "testA", "testB")
TRAIN: Mapping[str, Split] = MappingProxyType({"A": "trainA", "B": "trainB"})
"""Training split by domain."""
TEST: Mapping[str, Split] = MappingProxyType({"A": "testA", "B": "testB"})
"""Test split by domain."""


def split_called(name: str) -> Split | None:
    """The split that a folder or a list of images is by its name, as train_A, A/train or list_trainA; else None."""
    letters = re.sub("[^a-z]", "", name.lower()).removeprefix("list")
    return next((split for split in SPLITS if letters in (split.lower(), f"{split[-1].lower()}{split[:-1]}")), None)
