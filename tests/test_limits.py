"""A run has no more steps than its config.json may hold."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ugbench.errors import ConfigError
from ugbench.limits import MOST_STEPS
from ugbench.method_config import MethodConfig


@pytest.mark.parametrize("steps", [MOST_STEPS + 1, str(MOST_STEPS + 1)])
def test_more_steps_than_a_run_can_have_are_refused(steps: object) -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1000000000000"):
        MethodConfig.model_validate({"steps": steps})


def test_epochs_that_are_too_many_steps_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^epochs: 1000000000 was given; that is more than 1,000,000,000,000 steps;"):
        MethodConfig(epochs=10**9).resolved(1001, 2)


def test_as_many_steps_as_a_run_can_have_are_taken() -> None:
    assert MethodConfig(steps=MOST_STEPS).resolved(5, 5).steps == MOST_STEPS
    assert MethodConfig(epochs=10**9).resolved(1000, 2).steps == MOST_STEPS
