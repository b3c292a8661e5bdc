"""The two directions of translation. This module imports nothing heavy, so that anything may name them."""

from __future__ import annotations

from typing import Literal

Direction = Literal["A2B", "B2A"]
DIRECTIONS: tuple[Direction, ...] = ("A2B", "B2A")
