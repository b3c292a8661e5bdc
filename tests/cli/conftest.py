"""The command line as a fixture, for tests that look at the exit code themselves."""

from collections.abc import Callable

import pytest
from commands import invoke
from typer.testing import Result


@pytest.fixture
def ugbench() -> Callable[..., Result]:
    """`ugbench("eval", "--json")` runs that command; the result has exit_code, stdout and stderr."""
    return invoke
