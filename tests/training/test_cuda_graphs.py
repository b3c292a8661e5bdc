"""Which calls record a step on a GPU, and in which order; a stand-in writes them down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from ugbench.training import capture, cuda_graphs
from ugbench.training.cuda_graphs import CudaRecorder


class Calls:
    """Stands for torch.cuda, and writes down what is called."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def Stream(self, device: torch.device) -> Any:
        return _Stream(self.said, f"side of {device}")

    def current_stream(self, device: torch.device) -> Any:
        return _Stream(self.said, f"current of {device}")

    def graph_pool_handle(self) -> str:
        return "pool"

    def CUDAGraph(self) -> Any:
        return _Graph(self.said)

    @contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        self.said.append(f"on {stream.name}")
        try:
            yield
        finally:
            self.said.append(f"off {stream.name}")

    @contextmanager
    def graph(self, _graph: Any, pool: str, stream: Any, capture_error_mode: str) -> Iterator[None]:
        self.said.append(f"record in {pool} on {stream.name}, errors {capture_error_mode}")
        try:
            yield
        except RuntimeError:
            raise RuntimeError("operation failed due to a previous error during capture") from None
        self.said.append("end")


class _Stream:
    def __init__(self, said: list[str], name: str) -> None:
        self.said, self.name = said, name

    def wait_stream(self, other: Any) -> None:
        self.said.append(f"{self.name} waits for {other.name}")


class _Graph:
    def __init__(self, said: list[str]) -> None:
        self.said = said

    def replay(self) -> None:
        self.said.append("replay")


def test_a_gpu_warms_up_and_records_on_one_stream_with_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Calls()
    monkeypatch.setattr(cuda_graphs.torch, "cuda", cuda)
    recorder = CudaRecorder(torch.device("cuda:1"))
    recorder.warm_up(lambda: cuda.said.append("step"))
    assert cuda.said == [
        "side of cuda:1 waits for current of cuda:1",
        "on side of cuda:1",
        "step",
        "off side of cuda:1",
        "current of cuda:1 waits for side of cuda:1",
    ]
    for _ in range(2):
        cuda.said.clear()
        replay = recorder.record(lambda: cuda.said.append("step"))
        assert cuda.said == [
            "on side of cuda:1",
            "record in pool on side of cuda:1, errors thread_local",
            "step",
            "end",
            "off side of cuda:1",
        ]
    cuda.said.clear()
    replay()
    assert cuda.said == ["replay"]


def test_the_stream_is_restored_after_a_recording_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Calls()
    monkeypatch.setattr(cuda_graphs.torch, "cuda", cuda)

    def fail() -> None:
        raise RuntimeError("it waits")

    with pytest.raises(RuntimeError):
        CudaRecorder(torch.device("cuda")).record(fail)
    assert cuda.said[-1] == "off side of cuda"


def test_the_first_error_of_a_failed_recording_is_told() -> None:
    try:
        try:
            raise RuntimeError("operation not permitted when stream is capturing\nand more")
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")
    except RuntimeError as error:
        refused = capture._refusal(error)
    assert __file__ in str(refused)
    assert "the step cannot be captured (operation not permitted when stream is capturing); train" in str(refused)
