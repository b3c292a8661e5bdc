"""A resume on another machine says what that does to the bits, and environment.json keeps each machine."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from toy_runs import Crash, crash_after

from ugbench.runs.run import Run
from ugbench.training import environment
from ugbench.training.execution import Execution
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.machine import Machine, resume_on

CPU, GPU = torch.device("cpu"), torch.device("cuda")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=100, keep=None)
H100 = {"gpu": "H100", "deterministic": True}


def resumed(device: torch.device, noted: dict[str, object]) -> list[str]:
    said: list[str] = []
    resume_on(Machine(device), noted, said.append)
    return said


def test_threads_are_taken_over_on_a_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "H100")
    try:
        assert resumed(GPU, {"threads": before + 1}) == [
            "This run began on a processor: going on here, on a GPU, is not bit-exact."
        ]
        assert torch.get_num_threads() == before
        (said,) = resumed(CPU, {"threads": before + 1})
        assert said.startswith(f"This run began with {before + 1} threads")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_the_same_processor_says_nothing_and_another_does() -> None:
    assert resumed(CPU, Machine(CPU).notes()) == []
    assert resumed(CPU, {}) == [], "a checkpoint of an older version"
    assert resumed(CPU, {"instruction_set": "VSX"}) == [
        "This run began on a VSX processor: going on here is not bit-exact."
    ]
    assert resumed(CPU, H100) == ["This run began on a GPU (H100): going on here is not bit-exact."]


@pytest.mark.parametrize(
    ("name", "deterministic", "noted", "sentence"),
    [
        ("H100", True, H100, None),
        ("A100", True, H100, "another GPU (H100)"),
        ("H100", False, H100, "without --deterministic"),
        ("H100", True, {**H100, "deterministic": False}, "without --deterministic"),
    ],
)
def test_on_a_gpu_bits_are_promised_only_to_one_gpu_with_deterministic_algorithms_throughout(
    monkeypatch: pytest.MonkeyPatch, name: str, deterministic: bool, noted: dict[str, object], sentence: str | None
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: name)
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: deterministic)
    usual = {"ranks": 1, "compiled": False, "captured": False}
    assert Machine(GPU).notes() == {"gpu": name, "deterministic": deterministic, **usual}
    said = resumed(GPU, noted)
    assert len(said) == (sentence is not None)
    assert all(sentence in text and "not bit-exact" in text for text in said)


@pytest.mark.parametrize(
    ("noted", "now", "sentence"),
    [
        ({}, {"compiled": True}, "with eager networks and goes on with compiled networks (--compile)"),
        ({"compiled": True}, {}, "with compiled networks and goes on with eager networks (--compile)"),
        ({"captured": True}, {}, "with captured steps and goes on with steps as usual (--capture)"),
        ({"ranks": 2, "compiled": True}, {}, "2 processes trained this run until now: going on with 1"),
        ({"compiled": True, "captured": True}, {"compiled": True, "captured": True}, None),
    ],
)
def test_a_resume_that_computes_in_another_way_says_so(
    noted: dict[str, object], now: dict[str, bool], sentence: str | None
) -> None:
    said: list[str] = []
    resume_on(Machine(CPU, **now), noted, said.append)
    assert len(said) == (sentence is not None)
    assert all(sentence in text and "not bit-exact" in text for text in said)


def train_in_two_parts(run: Run, images: Images, between: Callable[[], None]) -> dict[str, object]:
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_TWO, crash_after(4))
    between()
    train(run, images, CPU, EVERY_TWO)
    return json.loads(run.environment_file.read_text(encoding="utf-8"))


def test_environment_says_how_float32_was_computed(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    train(run, images, CPU, EVERY_TWO, execution=Execution(deterministic=True))
    described = json.loads(run.environment_file.read_text(encoding="utf-8"))
    assert described["deterministic"] is True
    assert described["float32"]["mkldnn.conv"] == described["float32"]["cudnn.conv"] == "ieee"


def test_a_resume_elsewhere_is_added_with_what_has_changed(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    described = train_in_two_parts(
        run, images, lambda: monkeypatch.setattr(environment, "device_name", lambda _device: "another")
    )
    assert described["resumed"] == [{"step": 4, "device_name": "another"}]
    assert described["device_name"] != "another"
    environment.record_resume(run, Machine(CPU), 6)
    (_, last) = json.loads(run.environment_file.read_text(encoding="utf-8"))["resumed"]
    assert last["step"] == 6
    assert "device_name" not in last, "the last resume was there already"


def test_a_resume_on_the_same_machine_changes_no_byte(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    bytes_before: list[bytes] = []
    train_in_two_parts(run, images, lambda: bytes_before.append(run.environment_file.read_bytes()))
    assert run.environment_file.read_bytes() == bytes_before[0]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"resumed": 1}', '{"resumed": [1]}'])
def test_a_missing_or_damaged_file_begins_again(
    make_run: Callable[..., Run], images: Images, content: str | None
) -> None:
    run = make_run()

    def damage() -> None:
        run.environment_file.unlink()
        if content is not None:
            run.environment_file.write_text(content, encoding="utf-8")

    described = train_in_two_parts(run, images, damage)
    (resume,) = described["resumed"]
    assert resume["step"] == 4
    assert resume["threads"] == torch.get_num_threads()


def test_a_gpu_is_described_by_driver_cudnn_and_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "H100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 0))
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91000)
    monkeypatch.setattr(environment, "_driver", lambda: "570.1")
    described = environment.describe(Machine(GPU), "ugatit")
    expected = {"device_name": "H100", "capability": "9.0", "cudnn": 91000, "driver": "570.1", "cudnn_benchmark": False}
    assert {key: described[key] for key in expected} == expected
