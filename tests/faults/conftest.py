"""One fork server for all tests of faults in a process, because its start takes seconds."""

from collections.abc import Iterator

import pytest
from processes import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A fork server."""
    with serving(tmp_path_factory.mktemp("printed")) as running:
        yield running
