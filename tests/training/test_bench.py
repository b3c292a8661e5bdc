"""`bench` times a step as a training has it: with the wait for its batch, which is prepared ahead."""

from __future__ import annotations

import pytest
import torch
from toy_runs import Toy, toy

from ugbench.training import bench as module
from ugbench.training import capture
from ugbench.training.bench import bench
from ugbench.training.read_ahead import ReadAhead

__all__ = ["toy"]


def test_a_step_is_timed_with_its_batch(toy: type[Toy], monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock moves only in `at` and in `train_step`, so that no time of this machine matters."""
    now = 0.0
    at, train_step = ReadAhead.at, capture.train_step
    asked: list[int] = []

    def slow_at(ahead: ReadAhead, step: int):
        nonlocal now
        now += 2.0
        asked.append(step)
        return at(ahead, step)

    def slow_step(*arguments: object) -> None:
        nonlocal now
        now += 5.0
        train_step(*arguments)

    monkeypatch.setattr(ReadAhead, "at", slow_at)
    monkeypatch.setattr(capture, "train_step", slow_step)
    monkeypatch.setattr(module.time, "perf_counter", lambda: now)
    figures = bench("toy", Toy.make_config("smoke"), torch.device("cpu"), "fp32", steps=3)
    assert figures["seconds_per_step"] == 7.0
    assert figures["seconds_per_batch"] == 2.0
    assert asked == list(range(1 + 1 + 3)), "one step is counted, one warms up, in order as a training asks"
