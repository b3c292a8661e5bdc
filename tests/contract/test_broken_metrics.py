"""A metric that breaks one rule fails the check of that rule, in one sentence that names what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ugbench import registry
from ugbench.contract import metric_checks
from ugbench.contract.check import NotApplicable, run_check, run_checks
from ugbench.contract.made_inputs import N, made_inputs
from ugbench.contract.metrics import METRIC_CHECKS, check_metric
from ugbench.errors import UgbenchError
from ugbench.metric import Metric, Score
from ugbench.scoring.inputs import INPUTS

CHECKS = {check.name: check for check in METRIC_CHECKS}


def error_of(output: Tensor, truth: Tensor, power: int = 1) -> Score:
    each = ((output.float() - truth.float()).abs() ** power).mean((1, 2, 3)).double()
    return Score(float(each.mean()), each=tuple(each.tolist()))


SOUND = Metric("Error", error_of, ("output_tensor", "truth_tensor"), False, settings={"power": 1})


def changed(**fields: Any) -> Callable[..., Score]:
    """The function of SOUND, whose scores have other values in these fields."""
    return lambda output, truth, power=1: replace(error_of(output, truth, power), **fields)


def other_at_each_call(output: Tensor, truth: Tensor, power: int = 1) -> Score:
    return Score(float(torch.rand(())))


def changes_its_input(output: Tensor, truth: Tensor, power: int = 1) -> Score:
    output.zero_()
    return Score(0.0)


def first_image(output: Tensor, truth: Tensor, power: int = 1) -> Score:
    return Score(float(output[0].float().mean()))


def hidden_setting(output: Tensor, truth: Tensor, power: int = 1, bins: int = 3) -> Score:
    return error_of(output, truth, power)


def spread(output: Tensor, truth: Tensor, power: int = 1) -> Score:
    values = output.double().mean((1, 2, 3))
    return Score(float((values - values.mean()).square().sum() / torch.tensor(len(values) - 1.0)))


def fails(output: Tensor, truth: Tensor, power: int = 1) -> Score:
    raise KeyError("typo")


BROKEN: list[tuple[str, Metric, str]] = [
    ("facts", replace(SOUND, title=" "), "title is empty; it is the column's heading."),
    ("facts", replace(SOUND, needs=("output_tensors",)), "did you mean 'output_tensor'?"),
    ("facts", replace(SOUND, scale=0.0), "scale is 0.0; give a number above 0."),
    ("facts", replace(SOUND, least_images=-1), "least_images is -1"),
    ("facts", replace(SOUND, extractor="inceptoin"), "did you mean 'inception'?"),
    ("facts", replace(SOUND, settings={"power": torch.float32}), "settings cannot be stored in a protocol"),
    ("signature", replace(SOUND, settings={"exponent": 1}), "got an unexpected keyword argument 'exponent'"),
    ("signature", replace(SOUND, settings={"power": 2}), "compute has power=1, and settings has 2"),
    ("signature", replace(SOUND, compute=hidden_setting), "compute has bins, which settings lacks"),
    ("score", replace(SOUND, compute=fails), "KeyError: 'typo'."),
    ("score", replace(SOUND, compute=lambda *_, power=1: 3.0), "compute gives a float; give a ugbench.metric.Score."),
    ("score", replace(SOUND, compute=changed(value=torch.ones(()))), "the score's value is a Tensor; give a float"),
    ("score", replace(SOUND, compute=changed(value=math.nan)), "the score's value is nan for ordinary inputs."),
    ("score", replace(SOUND, compute=changed(low=1.0)), "the score has one of low and high; give both or none."),
    ("score", replace(SOUND, compute=changed(low=900.0, high=901.0)), "lies outside of its interval from 900 to 901."),
    ("score", replace(SOUND, compute=changed(se=-1.0)), "the score's se is below 0."),
    ("score", replace(SOUND, compute=changed(p_value=2.0)), "the score's p_value is 2.0; it is from 0 to 1."),
    ("each", replace(SOUND, compute=changed(each=(1.0,))), "each has 1 numbers for 8 outputs"),
    ("each", replace(SOUND, compute=changed(value=3.0)), "the value is 3, and the mean of each is"),
    ("pure", replace(SOUND, compute=other_at_each_call), "when it is called again; keep no state"),
    ("pure", replace(SOUND, compute=changes_its_input), "compute changes its input output_tensor; work on a copy."),
    ("order", replace(SOUND, compute=first_image), "when the same images come in another order"),
    ("one-image", replace(SOUND, compute=spread), "the value of one image is nan; raise ugbench.errors.UsageError"),
]


def install(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the registry find the metric under the name `theirs`."""
    genuine = registry.modules
    monkeypatch.setattr(registry, "load_metric", lambda _name: metric)
    monkeypatch.setattr(registry, "modules", lambda group: {"theirs": "json"} if group == "metrics" else genuine(group))


def test_there_is_a_made_input_for_each_input_of_metrics() -> None:
    inputs = made_inputs()
    assert inputs.keys() == INPUTS.keys()
    assert {len(tensor) for tensor in inputs.values()} == {N}


@pytest.mark.parametrize("name", registry.modules("metrics"))
def test_each_metric_of_this_project_keeps_each_rule(name: str) -> None:
    assert [outcome for outcome in check_metric(name) if outcome.status == "failed"] == []


def test_a_metric_that_keeps_every_rule_passes_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    install(SOUND, monkeypatch)
    assert [(outcome.check, outcome.status) for outcome in check_metric("theirs")] == [(name, "ok") for name in CHECKS]


@pytest.mark.parametrize(("name", "metric", "sentence"), BROKEN, ids=[f"{k}-{b[0]}" for k, b in enumerate(BROKEN)])
def test_a_metric_that_breaks_a_rule_fails_its_check(
    name: str, metric: Metric, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(metric, monkeypatch)
    (outcome,) = run_checks((CHECKS[name],), "theirs", (None,), lambda function: getattr(metric, function))
    assert outcome.status == "failed"
    assert outcome.reason is not None and sentence in outcome.reason, outcome.reason


def test_a_failure_names_the_line_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    install(metric := replace(SOUND, compute=first_image), monkeypatch)
    (outcome,) = run_checks((CHECKS["order"],), "theirs", (None,), lambda function: getattr(metric, function))
    assert str(outcome.reason).startswith(f"{__file__}:{first_image.__code__.co_firstlineno}: the value is")


def test_a_value_whose_dependence_on_the_order_is_known_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    install(replace(SOUND, compute=changed(order_sd=0.1)), monkeypatch)
    with pytest.raises(NotApplicable, match="how much the value depends on the order"):
        run_check(CHECKS["order"], "theirs")


def test_a_metric_that_imports_torch_at_once_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "modules", lambda _group: {"theirs": "ugbench.metrics._blocks"})
    with pytest.raises(UgbenchError, match=r"importing ugbench.metrics._blocks imports torch"):
        metric_checks.imports_no_torch("theirs", None)
