"""How steps are computed: the modes that there are, and where the options of it reach."""

from __future__ import annotations

from pathlib import Path

import pytest

import ugbench
from ugbench.errors import UsageError
from ugbench.training.execution import Execution


@pytest.mark.parametrize("name", ["compile", "capture"])
def test_another_mode_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=rf"no mode of {name} is called 'yes'. Known: auto, off, on"):
        Execution(**{name: "yes"})


def test_steps_are_computed_eagerly_and_without_guarantee_of_bits_unless_asked() -> None:
    assert Execution() == Execution(deterministic=False, compile="auto", capture="auto")


def test_python_refuses_a_mode_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mode of compile"):
        ugbench.train("cyclegan", "dial", results=tmp_path / "r", data_root=tmp_path / "d", compile="yes")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
