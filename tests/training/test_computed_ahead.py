"""The thread that prepares the batches of the next steps: it changes no bit, ends cleanly, and fills pinned memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any

import pytest
import torch

from ugbench.data.batches import Batches
from ugbench.data.places import Place
from ugbench.errors import UgbenchError
from ugbench.method import Batch, Draw
from ugbench.training.computed_ahead import ComputedAhead
from ugbench.training.read_ahead import ReadAhead

DRAWS = {"style": Draw("normal", (5,)), "pool": Draw("uniform", (2, 3)), "patches": Draw("uniform", (4,), per="step")}
STEPS = (0, 1, 2, 3, 7, 5, 6)  # in order, then a jump forwards and one backwards, as after a resume


def make(place: Place, device: str = "cpu") -> Batches:
    random = torch.Generator().manual_seed(0)
    a, b, poses = torch.randint(0, 256, (3, 5, 3, 18, 18), dtype=torch.uint8, generator=random)
    options = {"size": 16, "batch_size": 2, "seed": 0, "draws": DRAWS, "device": device, "place": place}
    return Batches(a, b, extra={"poses": poses}, **options)


def assert_same(first: Batch, second: Batch) -> None:
    ours, theirs = ({"a": x.a, "b": x.b, **x.draws, **x.extra} for x in (first, second))
    assert (first.step, list(ours)) == (second.step, list(theirs))
    for name, tensor in ours.items():
        assert tensor.equal(theirs[name]), name


def threads_ahead() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert threads_ahead() == []


def test_values_come_in_order_and_what_a_step_raises_comes_at_that_step() -> None:
    with closing(ComputedAhead(lambda step: 6 // (step - 3), 1, ahead=2)) as values:
        assert [values.take(), values.take()] == [-3, -6]
        with pytest.raises(ZeroDivisionError):
            values.take()
        assert values.take() == 6


@pytest.mark.parametrize("place", ["device", "memory"])
def test_images_in_memory_are_prepared_ahead_with_the_same_bits(place: Place) -> None:
    expected = make("device")
    with closing(ReadAhead(make(place))) as ahead:
        for step in STEPS:
            assert_same(ahead.at(step), expected.at(step))
        assert len(threads_ahead()) == 1


def test_draws_and_crops_of_the_next_steps_are_made_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, int, str]] = []
    third = threading.Event()

    def recorded(name: str) -> None:
        original = getattr(Batches, name)

        def record(batches: Batches, step: int) -> Any:
            made.append((name, step, threading.current_thread().name))
            if (name, step) == ("drawn", 2):
                third.set()
            return original(batches, step)

        monkeypatch.setattr(Batches, name, record)

    recorded("drawn")
    recorded("crops")
    with closing(ReadAhead(make("memory"))) as ahead:
        ahead.at(0)
        assert third.wait(10), "the two steps after the one that trains are prepared"
    in_order = [(name, step) for step in range(3) for name in ("crops", "drawn")]
    assert [(name, step) for name, step, _ in made] == in_order
    assert {thread.partition("_")[0] for _, _, thread in made} == {"ahead"}


def test_after_an_interruption_the_batches_are_still_those_of_their_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = make("device")
    with closing(ReadAhead(make("memory"))) as ahead:
        ahead.at(0)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Future, "result", interrupted)
            ahead.at(1)
        assert threads_ahead() == []
        assert_same(ahead.at(1), expected.at(1))


def interrupted(_future: Future[Any]) -> None:
    raise KeyboardInterrupt


def test_a_thread_that_the_system_refuses_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(UgbenchError, match=r"^no thread could be started to prepare batches \(can't start new"):
        ReadAhead(make("memory")).at(0)


def test_a_gpu_copies_from_pinned_memory_that_the_thread_has_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for a GPU: which tensors are pinned and where, and how they are copied."""
    pinned: dict[int, str] = {}
    copied: list[tuple[bool, bool]] = []
    move = torch.Tensor.to
    kept: list[torch.Tensor] = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() in pinned:
            return tensor
        kept.append(tensor.clone())  # no other tensor gets this address
        pinned[kept[-1].data_ptr()] = threading.current_thread().name
        return kept[-1]

    def drawing(sample: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def draw(shape: tuple[int, ...], *, pin_memory: bool = False, **options: Any) -> torch.Tensor:
            values = sample(shape, **options)
            return pin(values) if pin_memory else values

        return draw

    def copy(tensor: torch.Tensor, *target: Any, non_blocking: bool = False) -> torch.Tensor:
        if target != (torch.device("cuda"),):
            return move(tensor, *target)
        copied.append((pinned.get(tensor.data_ptr(), "").startswith("ahead"), non_blocking))
        return tensor

    batches = make("memory", device="cuda")
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", copy)
    for name in ("rand", "randn"):
        monkeypatch.setattr(torch, name, drawing(getattr(torch, name)))
    with closing(ReadAhead(batches)) as ahead:
        batch = ahead.at(0)
    assert copied == [(True, True)] * (len(DRAWS) + 3)
    monkeypatch.undo()
    assert_same(batch, make("device").at(0))
