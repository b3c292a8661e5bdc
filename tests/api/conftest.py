"""A place for runs of the Python API, and a trained run on a dial."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ugbench

DIAL = "dial:shape=0,texture=1,size=32"


@pytest.fixture(autouse=True)
def no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The logger is as in a program that uses the API alone: the command line, run by another test, adds a handler."""
    monkeypatch.setattr(logging.getLogger("ugbench"), "handlers", [])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working directory of the tests of a module: runs lie in results, data sets in datasets."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def train(home: Path) -> Callable[..., ugbench.Run]:
    """`train(steps=2)` trains a small U-GAT-IT on a dial, silently."""

    def call(**arguments: object) -> ugbench.Run:
        options = {"preset": "smoke", "size": 32, "steps": 2, "device": "cpu", "progress": False, **arguments}
        return ugbench.train("ugatit", DIAL, **options)

    return call


@pytest.fixture(scope="module")
def run(train: Callable[..., ugbench.Run]) -> ugbench.Run:
    """A run of two steps."""
    return train()


@pytest.fixture(scope="module")
def photos(run: ugbench.Run, home: Path) -> list[Path]:
    """Four test images of domain A."""
    return sorted((home / "datasets").glob("*/testA/*.png"))[:4]
