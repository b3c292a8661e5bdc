"""A run of two trainings, as a tracker sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ugbench.tracker import Image, TrackedRun


@pytest.fixture
def run(tmp_path: Path) -> TrackedRun:
    """A run in an empty results folder."""
    config = {"method": "cut", "lr": 0.1, "light": True, "variant": None, "layers": [0, 4], "steps": 8}
    return TrackedRun("0123456789ab-cdef01", "cut on cats, seed 0", "cats", tmp_path / "results", config)


@pytest.fixture
def image() -> Image:
    """An image of 4 x 6 px whose pixels all differ."""
    return np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
