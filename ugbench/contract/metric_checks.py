"""Rules about a metric: what its METRIC says, and what its function gives for small inputs."""

from __future__ import annotations

import inspect
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ugbench import registry
from ugbench.contract.check import NotApplicable, demand
from ugbench.contract.made_inputs import SAMPLES, made_inputs
from ugbench.errors import UgbenchError, UnknownName
from ugbench.metric import Metric, Score
from ugbench.scoring.inputs import inputs_of

SAME = 1e-6
"""Relative difference of values that should be equal except for rounding."""


def loads(name: str, _variant: str | None) -> None:
    """The module can be imported and defines a METRIC."""
    registry.load_metric(name)


def imports_no_torch(name: str, _variant: str | None) -> None:
    """Tables read titles and scales; they must not wait for torch."""
    path = registry.modules("metrics")[name]
    code = f"import importlib, sys; importlib.import_module({path!r}); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    demand(done.returncode == 0, f"importing {path} imports torch, for which tables would wait; import it in compute.")


def says_what_tables_need(name: str, _variant: str | None) -> None:
    """Each attribute of the METRIC has a valid value."""
    metric = registry.load_metric(name)
    demand(isinstance(metric.title, str) and bool(metric.title.strip()), "title is empty; it is the column's heading.")
    demand(isinstance(metric.needs, tuple) and bool(metric.needs), f"needs is {metric.needs!r}; give names of inputs.")
    inputs_of(metric)
    better = metric.higher_is_better
    demand(better is None or isinstance(better, bool), f"higher_is_better is {better!r}; give True, False or None.")
    scale, least = metric.scale, metric.least_images
    demand(math.isfinite(scale) and scale > 0, f"scale is {scale!r}; give a number above 0.")
    demand(isinstance(least, int) and least >= 0, f"least_images is {least!r}; give a whole number of 0 or more.")
    if metric.extractor is not None and metric.extractor not in (known := registry.modules("extractors")):
        raise UnknownName("extractor", metric.extractor, known)
    try:
        json.dumps(dict(metric.settings), allow_nan=False)
    except (TypeError, ValueError) as error:
        demand(False, f"settings cannot be stored in a protocol ({error}); give numbers, texts, booleans or None.")


def takes_its_inputs_and_settings(name: str, _variant: str | None) -> None:
    """`compute` takes the inputs by position and the settings by name, with the same defaults."""
    metric = registry.load_metric(name)
    signature = inspect.signature(metric.compute)
    try:
        signature.bind(*metric.needs, **metric.settings)
    except TypeError as error:
        demand(False, f"compute{signature} cannot be called with {len(metric.needs)} inputs and settings: {error}.")
    for key, default in metric.settings.items():
        given = signature.parameters[key].default if key in signature.parameters else inspect.Parameter.empty
        demand(
            given is inspect.Parameter.empty or given == default,
            f"compute has {key}={given!r}, and settings has {default!r}; give both the same default.",
        )
    inputs = set(list(signature.parameters)[: len(metric.needs)])
    hidden = [
        key
        for key, parameter in signature.parameters.items()
        if key not in inputs | metric.settings.keys() and parameter.default is not inspect.Parameter.empty
    ]
    demand(not hidden, f"compute has {', '.join(hidden)}, which settings lacks; a protocol must state all settings.")


def gives_a_score(name: str, _variant: str | None) -> None:
    """The value is finite, and its error, interval and p-value fit it."""
    score = _score(registry.load_metric(name))
    for field in ("value", "se", "low", "high", "p_value", "order_sd"):
        number = getattr(score, field)
        if number is None and field != "value":
            continue
        kind = type(number).__name__
        demand(
            isinstance(number, int | float) and not isinstance(number, bool),
            f"the score's {field} is a {kind}; give a float, as in float({field}).",
        )
        demand(math.isfinite(number), f"the score's {field} is {number} for ordinary inputs.")
    demand((score.low is None) == (score.high is None), "the score has one of low and high; give both or none.")
    if score.low is not None and score.high is not None:
        low, high = f"{score.low:.6g}", f"{score.high:.6g}"
        demand(score.low <= score.high, f"the interval of the score goes from {low} to {high}.")
        demand(
            score.low <= score.value <= score.high,
            f"the value {score.value:.6g} lies outside of its interval from {low} to {high}.",
        )
    for field in ("se", "order_sd"):
        demand((getattr(score, field) or 0) >= 0, f"the score's {field} is below 0.")
    demand(0 <= (score.p_value or 0) <= 1, f"the score's p_value is {score.p_value}; it is from 0 to 1.")


def each_has_the_value_as_its_mean(name: str, _variant: str | None) -> None:
    """The contributions are one for each output, and the value is their mean."""
    metric = registry.load_metric(name)
    inputs = _inputs_of(metric)
    score = _compute(metric, inputs)
    if score.each is None:
        raise NotApplicable("the score has no contributions of single outputs")
    n = len(next(iter(inputs.values())))
    demand(isinstance(score.each, tuple), f"each is a {type(score.each).__name__}; give a tuple of floats.")
    demand(len(score.each) == n, f"each has {len(score.each)} numbers for {n} outputs; give one for each output.")
    mean = math.fsum(score.each) / n
    demand(_is_close(mean, score.value), f"the value is {score.value:.6g}, and the mean of each is {mean:.6g}.")


def depends_on_its_inputs_alone(name: str, _variant: str | None) -> None:
    """Called again, `compute` gives the same, and it changes neither its inputs nor torch's generator."""
    metric = registry.load_metric(name)
    inputs = _inputs_of(metric)
    before = {key: tensor.clone() for key, tensor in inputs.items()}
    first = _compute(metric, inputs)
    changed = [key for key, tensor in inputs.items() if not tensor.equal(before[key])]
    demand(not changed, f"compute changes its input {', '.join(changed)}; work on a copy.")
    torch.manual_seed(1)
    second = _compute(metric, inputs)
    demand(
        first == second,
        f"compute gives {first.value:.6g}, and {second.value:.6g} when it is called again; keep no state, and draw "
        "random numbers from a torch.Generator with a fixed seed.",
    )


def says_whether_the_order_matters(name: str, _variant: str | None) -> None:
    """In another order of the images the value is the same, or the score has `order_sd`."""
    metric = registry.load_metric(name)
    inputs = _inputs_of(metric)
    first = _compute(metric, inputs)
    if first.order_sd is not None:
        raise NotApplicable("the score says how much the value depends on the order of the images")
    order = torch.randperm(len(next(iter(inputs.values()))), generator=torch.Generator().manual_seed(3))
    other = _compute(metric, {key: tensor[order] for key, tensor in inputs.items()})
    demand(
        _is_close(first.value, other.value),
        f"the value is {first.value:.6g}, and {other.value:.6g} when the same images come in another order; give the "
        "score its order_sd, or compute what does not depend on the order.",
    )


def refuses_too_few_images_in_a_sentence(name: str, _variant: str | None) -> None:
    """One image gives a score, or an error that a user can read."""
    metric = registry.load_metric(name)
    inputs = {key: tensor[:1] for key, tensor in _inputs_of(metric).items()}
    try:
        value = _compute(metric, inputs).value
    except UgbenchError:
        return
    demand(math.isfinite(value), f"the value of one image is {value}; raise ugbench.errors.UsageError that says why.")


def _is_close(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=SAME, abs_tol=SAME)


def _inputs_of(metric: Metric) -> dict[str, Tensor]:
    """The inputs that the metric needs, by name in the order of `needs`."""
    made = made_inputs(int(metric.settings.get("samples", SAMPLES)))
    return {key: made[key] for key in metric.needs}


def _score(metric: Metric) -> Score:
    return _compute(metric, _inputs_of(metric))


def _compute(metric: Metric, inputs: Mapping[str, Tensor]) -> Score:
    score: Any = metric.compute(*inputs.values(), **metric.settings)
    demand(isinstance(score, Score), f"compute gives a {type(score).__name__}; give a ugbench.metric.Score.")
    assert isinstance(score, Score)
    return score
