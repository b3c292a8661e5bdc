"""The two directions of translation. This module imports no torch, so that code which only reads results can use it."""

from __future__ import annotations

from typing import Literal

Direction = Literal["A2B", "B2A"]
"""From domain A to domain B, or from B to A."""
DIRECTIONS: tuple[Direction, ...] = ("A2B", "B2A")
