"""The contract holds for methods of other packages too, which are found while these tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from third_party import third_party_site, visible

__all__ = ["third_party_site"]


@pytest.fixture(scope="module", autouse=True)
def other_packages(third_party_site: Path) -> Iterator[None]:
    """The methods of tests/third_party are installed."""
    with visible(third_party_site):
        yield
