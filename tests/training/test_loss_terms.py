"""A loss term is a scalar; what is none is refused with the line that set it."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import torch

from ugbench.errors import UgbenchError
from ugbench.training.loss_terms import LossTerms


def line_of_caller() -> int:
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (torch.zeros(4, 1, 30, 30), "has the shape (4, 1, 30, 30)"),
        (torch.zeros(1), "has the shape (1,)"),
        (torch.tensor(3), "is of type torch.int64"),
        (0.5, "is of type float"),
        (None, "is of type NoneType"),
    ],
)
def test_what_is_no_scalar_is_refused_with_its_term_its_phase_and_the_line(value: Any, found: str) -> None:
    terms = LossTerms("generators")
    expected = (
        f"the loss term 'cycle' of the phase 'generators' {found}; a term is a scalar tensor, such as the mean over "
        "the samples."
    )
    for set_term in (terms.__setitem__, lambda name, value: terms.update({name: value})):
        with pytest.raises(UgbenchError) as error:
            line = line_of_caller() + 1
            set_term("cycle", value)
        set_by_lambda = re.fullmatch(r"(.*test_loss_terms\.py):(\d+): (.*)", str(error.value))
        assert set_by_lambda is not None
        assert set_by_lambda[3] == expected
        assert set_term is not terms.__setitem__ or int(set_by_lambda[2]) == line
    with pytest.raises(UgbenchError, match=re.escape(expected)):
        terms |= {"cycle": value}
    assert terms == {}


def test_terms_of_half_precision_become_float32_and_float64_stays() -> None:
    terms = LossTerms("generators")
    terms["half"] = torch.tensor(1.0, dtype=torch.bfloat16)
    terms.update(double=torch.tensor(1.0, dtype=torch.float64))
    terms |= {"single": torch.tensor(1.0)}
    assert {name: value.dtype for name, value in terms.items()} == {
        "half": torch.float32,
        "double": torch.float64,
        "single": torch.float32,
    }


def test_a_term_that_is_set_after_its_phase_is_refused() -> None:
    terms = LossTerms("generators")
    terms["in time"] = torch.tensor(1.0)
    terms.close()
    with pytest.raises(UgbenchError, match=r"test_loss_terms.py:\d+: the loss term 'late' is set after the phase 'gen"):
        terms["late"] = torch.tensor(1.0)
    assert list(terms) == ["in time"]
