"""The four splits of a data set: training and test images of the domains A and B."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Split = Literal["trainA", "trainB", "testA", "testB"]

SPLITS: tuple[Split, ...] = ("trainA", "trainB", "testA", "testB")
TRAIN: Mapping[str, Split] = MappingProxyType({"A": "trainA", "B": "trainB"})
"""Training split by domain."""
TEST: Mapping[str, Split] = MappingProxyType({"A": "testA", "B": "testB"})
"""Test split by domain."""
