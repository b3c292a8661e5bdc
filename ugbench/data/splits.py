"""The four splits of a data set, by name and by domain."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Split = Literal["trainA", "trainB", "testA", "testB"]


SPLITS: tuple[Split, ...] = ("trainA", "trainB", "testA", "testB")


TRAIN: Mapping[str, Split] = MappingProxyType({"A": "trainA", "B": "trainB"})


TEST: Mapping[str, Split] = MappingProxyType({"A": "testA", "B": "testB"})
