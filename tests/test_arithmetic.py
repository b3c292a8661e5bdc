"""Float32 is float32, deterministic training says what it cannot do, and settings are put back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from ugbench import arithmetic
from ugbench.arithmetic import computing_on, exact_float32, float32_formats
from ugbench.errors import UgbenchError, UsageError
from ugbench.scoring.networks.weights import plain_float32
from ugbench.training.non_finite import NonFiniteFlag

CPU, SECOND_GPU = torch.device("cpu"), torch.device("cuda:1")
EXACT = {"cuda.matmul": "ieee", "cudnn.conv": "ieee", "mkldnn.matmul": "ieee", "mkldnn.conv": "ieee"}


@pytest.fixture
def shorter_formats() -> Iterator[None]:
    """Every switch that replaces float32 by a shorter format, as another package may set them."""
    before = torch.get_float32_matmul_precision(), torch.backends.fp32_precision
    torch.set_float32_matmul_precision("medium")
    torch.backends.fp32_precision = "tf32"
    torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.fp32_precision = before[1]
    torch.set_float32_matmul_precision(before[0])


@pytest.fixture
def used_gpus(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The GPUs that become the current one, where this machine has none."""
    used: list[str] = []

    @contextmanager
    def device(gpu: torch.device) -> Iterator[None]:
        used.append(str(gpu))
        yield

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.delenv(arithmetic.WORKSPACE, raising=False)
    return used


def switches() -> tuple[object, ...]:
    cudnn = torch.backends.cudnn
    deterministic = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    return float32_formats(), cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic, deterministic


@pytest.mark.parametrize("context", [exact_float32, plain_float32, lambda: computing_on(CPU)])
def test_float32_is_exact_whatever_was_set_and_the_settings_are_put_back(context, shorter_formats: None) -> None:
    before = switches()
    assert set(float32_formats().values()) & {"tf32", "bf16"}
    with context():
        assert float32_formats() == EXACT
        assert torch.backends.cudnn.allow_tf32 is False, "PyTorch refuses to read it where its switches differ"
    assert switches() == before
    with pytest.raises(KeyError), context():
        raise KeyError
    assert switches() == before


def test_the_newer_switch_alone_is_put_back_too() -> None:
    try:
        torch.backends.cudnn.conv.fp32_precision = "ieee"
        torch.backends.cudnn.rnn.fp32_precision = "tf32"
        with exact_float32():
            assert torch.backends.cudnn.rnn.fp32_precision == "ieee"
        assert float32_formats()["cudnn.conv"] == "ieee"
        assert torch.backends.cudnn.rnn.fp32_precision == "tf32"
    finally:
        torch.backends.cudnn.allow_tf32 = True  # PyTorch's default; the older switch writes the newer one too


def test_deterministic_reaches_every_switch_and_is_put_back() -> None:
    before = switches()
    with computing_on(CPU, deterministic=True):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        assert not torch.backends.cudnn.benchmark
    assert switches() == before


def test_on_a_gpu_cudnn_tries_its_algorithms_unless_deterministic(used_gpus: list[str]) -> None:
    with computing_on(SECOND_GPU):
        assert torch.backends.cudnn.benchmark
        assert arithmetic.WORKSPACE not in os.environ
    with computing_on(SECOND_GPU, deterministic=True):
        assert not torch.backends.cudnn.benchmark
        assert os.environ[arithmetic.WORKSPACE] == ":4096:8"
    assert used_gpus == ["cuda:1", "cuda:1"]
    del os.environ[arithmetic.WORKSPACE]


@pytest.mark.parametrize(
    ("given", "initialized", "refused"),
    [(":16:8", True, None), (None, True, "is not set"), (":0:0", False, "is :0:0"), (":4096:8", True, None)],
)
def test_a_workspace_that_cannot_be_deterministic_any_more_is_refused(
    used_gpus: list[str], monkeypatch: pytest.MonkeyPatch, given: str | None, initialized: bool, refused: str | None
) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: initialized)
    if given is not None:
        monkeypatch.setenv(arithmetic.WORKSPACE, given)
    if refused is None:
        with computing_on(SECOND_GPU, deterministic=True):
            assert os.environ[arithmetic.WORKSPACE] == given
        return
    with (
        pytest.raises(UsageError, match=f"CUBLAS_WORKSPACE_CONFIG {refused} .* set it to :4096:8 before Python starts"),
        computing_on(SECOND_GPU, deterministic=True),
    ):
        pytest.fail("began")


def test_an_operation_without_a_deterministic_form_is_named() -> None:
    def put() -> None:
        torch.zeros(4).put_(torch.tensor([1, 1]), torch.tensor([1.0, 2.0]))

    put()
    with (
        pytest.raises(UgbenchError, match=r"^deterministic training: put_ has no deterministic .* --deterministic, or"),
        computing_on(CPU, deterministic=True),
    ):
        put()
    with pytest.raises(RuntimeError, match="another fault"), computing_on(CPU, deterministic=True):
        raise RuntimeError("another fault")


def test_the_flag_of_a_step_waits_for_the_stream_of_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[object] = []
    event = SimpleNamespace(record=lambda stream=None: recorded.append(stream))
    host = SimpleNamespace(copy_=lambda flag, non_blocking: None)
    monkeypatch.setattr(torch.cuda, "Event", lambda: event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"the stream of {device}")
    monkeypatch.setattr(torch, "empty_like", lambda flag, device, pin_memory: host)
    found_inf = SimpleNamespace(is_cuda=True, device=SECOND_GPU)
    NonFiniteFlag(SimpleNamespace(losses={}, found_inf_after={}, found_inf=found_inf), 1)
    assert recorded == ["the stream of cuda:1"]
