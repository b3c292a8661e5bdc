"""The rule of tests/conftest.py that nothing may skip where the data is at hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

def test_that_skips():
    pytest.skip("no reason at all")

def test_that_needs_data(test_data):
    assert test_data.name == "somewhere"

@pytest.mark.xfail
def test_that_is_known_to_fail():
    assert False
"""
SKIPS_ITSELF = "import pytest; pytest.skip('all of it', allow_module_level=True)"


def run_pytest(folder: Path, content: str, **environment: str) -> str:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    support = Path(__file__).with_name("support")
    (folder / "test_inner.py").write_text(content)
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {str(support)!r}\n")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("UGBENCH_", "PYTEST_"))} | environment
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, check=False).stdout


def test_skips_are_failures_where_the_data_is(tmp_path: Path) -> None:
    out = run_pytest(tmp_path, SKIPS, UGBENCH_NO_SKIP="1", UGBENCH_TEST_DATA="/somewhere")
    assert "1 failed, 1 passed, 1 xfailed" in out
    assert "forbids: Skipped: no reason at all" in out


def test_a_module_that_skips_itself_is_an_error_where_the_data_is(tmp_path: Path) -> None:
    out = run_pytest(tmp_path, SKIPS_ITSELF, UGBENCH_NO_SKIP="1", UGBENCH_TEST_DATA="/somewhere")
    assert "1 error" in out
    assert "forbids: Skipped: all of it" in out


@pytest.mark.parametrize(
    ("environment", "summary"),
    [
        ({}, "2 skipped, 1 xfailed"),
        ({"UGBENCH_NO_SKIP": "1"}, "2 skipped, 1 xfailed"),
        ({"UGBENCH_TEST_DATA": "/somewhere"}, "1 passed, 1 skipped, 1 xfailed"),
    ],
)
def test_skips_are_skips_elsewhere(tmp_path: Path, environment: dict[str, str], summary: str) -> None:
    assert summary in run_pytest(tmp_path, SKIPS, **environment)
