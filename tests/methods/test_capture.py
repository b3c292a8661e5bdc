"""Steps of each registered method that are recorded once and replayed have the bits of steps that are computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from method_cases import CASES, METHODS, build
from recorded_operations import RecordedOperations, radam_as_on_a_gpu
from torch import Tensor

from ugbench.contract.small_methods import random_batch
from ugbench.device import Precision
from ugbench.method import Batch, Method
from ugbench.training.capture import CapturedSteps
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import build_optimizers, state_tensors
from ugbench.training.step import Phases, train_step

CPU = torch.device("cpu")
PARAMS = [pytest.param(name, variant, id="-".join(filter(None, (name, variant)))) for name, variant in CASES]

Trained = tuple[dict[str, Tensor], list[dict[str, float]]]


@pytest.fixture(autouse=True)
def on_the_gpu_path(monkeypatch: pytest.MonkeyPatch) -> None:
    radam_as_on_a_gpu(monkeypatch)


def trained(method: Method, recorder: RecordedOperations | None, steps: int) -> Trained:
    """All tensors that last after so many steps, and the losses of each step."""
    method.train()
    phases = Phases(build_optimizers(method), method.period)
    usual: Callable[[Batch], None] = lambda batch: train_step(method, phases, batch)  # noqa: E731
    train = usual if recorder is None else CapturedSteps(method, phases, recorder, warm_up=1)
    losses = []
    for step in range(steps):
        torch.manual_seed(step)
        train(random_batch(method, step=step))
        losses.append({term: float(value) for term, value in phases.losses.items()})
    return {**method.state_dict(), **state_tensors(phases.optimizers)}, losses


def both_ways(
    name: str, variant: str | None, steps: int, precision: Precision = "fp32", **fields: Any
) -> tuple[Trained, Trained, RecordedOperations, int]:
    """The same training computed and replayed, the recorder, and how often the method's step ran for it."""
    ways, recorder = [], RecordedOperations()
    calls: list[int] = []
    for one in (None, recorder):
        torch.manual_seed(0)
        method = build(name, variant, **fields)
        run_networks_in(method, precision, CPU)
        calls.clear()
        step = method.step
        method.step = lambda batch, phase, step=step: (calls.append(1), step(batch, phase))[1]  # type: ignore[method-assign]
        ways.append(trained(method, one, steps))
    return *ways, recorder, len(calls)  # type: ignore[return-value]


def assert_same(computed: Trained, replayed: Trained) -> None:
    assert replayed[1] == computed[1]
    assert list(map(list, replayed[1])) == list(map(list, computed[1]))  # the order of the terms
    assert replayed[0].keys() == computed[0].keys()
    assert [key for key, tensor in computed[0].items() if not tensor.equal(replayed[0][key])] == []


@pytest.mark.parametrize(("name", "variant"), PARAMS)
def test_replayed_steps_have_the_bits_of_computed_ones(name: str, variant: str | None) -> None:
    period = build(name, variant).period
    computed, replayed, recorder, calls = both_ways(name, variant, 3 * period)
    assert_same(computed, replayed)
    assert (recorder.warmed_up, recorder.recorded, recorder.replayed) == (period, period, 2 * period)
    assert calls == 2 * period  # once to warm up, once to record


@pytest.mark.parametrize("name", METHODS)
def test_seven_steps_in_bfloat16_with_full_image_pools_have_the_same_bits(name: str) -> None:
    fields = {"pool_size": 1} if "pool_size" in type(build(name, None).config).model_fields else {}
    computed, replayed, recorder, _ = both_ways(name, None, 7, "bf16", **fields)
    assert_same(computed, replayed)
    assert recorder.recorded + recorder.replayed >= 7 - 3 + 1
