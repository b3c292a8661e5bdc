"""The splits of a data set: training and test images of the domains A and B, and further folders for training.

Most code knows the four splits alone. A method may train with further ones (`ugbench.method.Method.splits`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import StringConstraints

Split = Literal["trainA", "trainB", "testA", "testB"]

SPLITS: tuple[Split, ...] = ("trainA", "trainB", "testA", "testB")
TRAIN: Mapping[str, Split] = MappingProxyType({"A": "trainA", "B": "trainB"})
"""Training split by domain."""
TEST: Mapping[str, Split] = MappingProxyType({"A": "testA", "B": "testB"})
"""Test split by domain."""
PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
AnySplit = Annotated[str, StringConstraints(pattern=PLAIN_NAME)]
"""The name of a split or of a further folder; it leads to no other place."""


def further_split(name: str, exchanged: bool = False) -> str:
    """The folder of a further split that a method calls `name`.

    Args:
        exchanged: the domains are exchanged, as in a run from B to A: then `edgesB` is the folder edgesA.
    Raises:
        ValueError: the name cannot be that of a folder beside trainA and trainB.
    """
    if not re.fullmatch(PLAIN_NAME, name) or split_called(name) or name.lower() in ("a", "b", "train", "test"):
        raise ValueError(f"'{name}' cannot be a further split; a name has letters, digits, - and _, as in edgesB")
    if exchanged and name[-1] in "AB":
        return name[:-1] + {"A": "B", "B": "A"}[name[-1]]
    return name


def split_called(name: str) -> Split | None:
    """The split that a folder or a list of images is by its name, as train_A, A/train or list_trainA; else None."""
    letters = re.sub("[^a-z]", "", name.lower()).removeprefix("list")
    return next((split for split in SPLITS if letters in (split.lower(), f"{split[-1].lower()}{split[:-1]}")), None)
