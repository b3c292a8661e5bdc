"""Errors in Python name arguments in the place of options."""

import pytest

from ugbench.api.wording import argument_names, with_argument_names
from ugbench.errors import NoSuchScore


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("--direction A2B: run 3f translates B2A only.", "direction A2B: run 3f translates B2A only."),
        ("lower --batch-size or --size", "lower batch_size or size"),
        ("give --weights inception=FILE.", 'give weights={"inception": FILE}.'),
        ("with a smaller learning rate (--set lr=…).", 'with a smaller learning rate (set={"lr": …}).'),
        ("run `ugbench eval --metric kid` or --metric kid", "run `ugbench eval --metric kid` or metrics kid"),
        ("a - b -- c", "a - b -- c"),
    ],
)
def test_an_option_is_called_as_the_argument_is(told: str, expected: str) -> None:
    assert argument_names(told) == expected


def test_the_type_and_the_fields_of_an_error_stay() -> None:
    @with_argument_names
    def fail() -> None:
        raise NoSuchScore("kid", "it is none")

    with pytest.raises(NoSuchScore, match=r"^metrics kid: it is none; name another metric") as raised:
        fail()
    assert (raised.value.metric, raised.value.reason, raised.value.exit_code) == ("kid", "it is none", 2)


def test_other_errors_pass() -> None:
    @with_argument_names
    def fail() -> None:
        raise ValueError("--size")

    with pytest.raises(ValueError, match=r"^--size$"):
        fail()
