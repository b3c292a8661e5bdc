"""Runs the command line inside the test's process."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from ugbench.cli.app import app

Run = Callable[..., Result]


@pytest.fixture
def ugbench() -> Run:
    """`ugbench("eval", "--json")` runs that command; the result has exit_code, stdout and stderr.

    A fault of the program is raised, so that no test takes a traceback's exit code for a refusal.
    """

    def run(*args: object) -> Result:
        return CliRunner().invoke(app, [str(arg) for arg in args], prog_name="ugbench", catch_exceptions=False)

    return run
