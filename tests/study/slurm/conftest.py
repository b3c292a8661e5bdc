"""A SLURM for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slurm_cluster import SlurmCluster, missing_programs, slurm_cluster


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmCluster]:
    """A SLURM of two nodes on this machine."""
    if missing := missing_programs():
        pytest.skip(f"{', '.join(missing)} missing: apt install slurm-wlm munge")
    with slurm_cluster() as cluster:
        yield cluster
