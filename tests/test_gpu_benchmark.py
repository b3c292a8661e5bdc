"""benchmarks/gpu.py rehearses without a GPU: each section runs at its smallest size, and its numbers are checked."""

from __future__ import annotations

import json
import runpy
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recorded_operations import RecordedOperations

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
IN_THIS_PROCESS = "device,host_syncs,against_cpu,injected_inf,twice,recovery,step_speed,public_order,features,ways"


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@pytest.fixture
def rehearse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[Any]]:
    """The lines that `python benchmarks/gpu.py --device cpu --quick` prints with further options."""

    def run(*options: object) -> list[Any]:
        monkeypatch.setattr(
            sys, "argv", ["gpu.py", "--device", "cpu", "--quick", "--seconds", "3000", *map(str, options)]
        )
        runpy.run_path(str(BENCHMARKS / "gpu.py"), run_name="__main__")
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_each_section_measures_what_it_says(rehearse: Callable[..., list[Any]], tmp_path: Path) -> None:
    printed = rehearse("--methods", "cut", "--sections", IN_THIS_PROCESS, "--output", tmp_path / "lines.jsonl")
    assert (tmp_path / "lines.jsonl").read_text(encoding="utf-8").splitlines() == list(map(json.dumps, printed))
    assert [line for line in printed if "error" in line] == []
    rows = {line["section"]: line for line in printed}
    assert ",".join(rows) == IN_THIS_PROCESS
    assert rows["device"]["device"] == "cpu" and rows["device"]["float32"]["mkldnn.conv"] == "ieee"
    assert rows["host_syncs"]["skipped"] == rows["ways"]["skipped"] == "needs a GPU"
    assert rows["against_cpu"]["losses_differ_by"] == [0, 0, 0], "the CPU agrees with itself"
    assert rows["against_cpu"]["lowest_cosine"] == pytest.approx(1)
    equal = {"equal": True, "tensors_that_differ": 0, "some_of_them": []}
    inf = rows["injected_inf"]
    assert inf["parameters"] == inf["optimizers"] == equal and inf["step_counters_are_back"] is True
    assert inf["named"] == {"step": 3, "term": "discriminators/fake"}
    assert [line["deterministic"] for line in printed if line["section"] == "twice"] == [False, True]
    assert all(line["equal"] for line in printed if line["section"] == "twice")
    recovery = rows["recovery"]
    assert recovery["saved_step"] == recovery["last_finite_step"] == 2
    assert recovery["said"].startswith("step 3: discriminators/fake became NaN or Inf")
    assert recovery["peak_memory_bytes"] is None, "a process has one peak on a CPU, that of all sections"
    speed = rows["step_speed"]
    assert speed["seconds_per_step"] > 0 and speed["seconds_per_step_without_batch"] > 0
    assert (speed["busy_share"], speed["size"]) == (None, 32)
    public = rows["public_order"]
    assert public["times_faster"] == pytest.approx(public["public_seconds_per_step"] / public["seconds_per_step"])
    assert rows["features"]["differ_by_share_of_the_largest"] == 0 and rows["features"]["images_per_second"] > 0


@pytest.mark.slow
def test_runs_are_killed_resumed_and_trained_for_a_while(rehearse: Callable[..., list[Any]]) -> None:
    killed, long = rehearse("--methods", "cut", "--sections", "kill_and_resume,long_run")
    assert killed["exit_codes"] == {"whole": 0, "killed": 75, "resumed": 0} and killed["was_stopped"] is True
    assert 3 <= killed["stopped_at_step"] < killed["steps"]
    assert killed["metrics_equal"] is True and killed["generators"]["equal"] is True
    assert long["exit_code"] == 75 and long["steps"] >= 1 and long["seconds_per_step"] > 0
    assert long["first_losses"].keys() == long["last_losses"].keys() != set()


def test_an_error_ends_its_case_and_the_next_one_runs() -> None:
    gpu = runpy.run_path(str(BENCHMARKS / "gpu.py"))
    divide = gpu["Section"]("divide", 1.0, lambda _: [{"by": 0}, {"by": 2}], lambda _, by: {"result": 6 // by})
    settings = gpu["Settings"](torch.device("cpu"), quick=True, methods=("cut",))
    first, second = gpu["lines"]([divide], settings, 10.0)
    assert first["error"]["type"] == "ZeroDivisionError" and "result" not in first
    assert (second["section"], second["by"], second["result"]) == ("divide", 2, 3)


def test_a_case_that_takes_longer_than_its_share_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = runpy.run_path(str(BENCHMARKS / "gpu.py"))
    slow = gpu["Section"]("slow", 1.0, lambda _: [{}, {}], lambda _settings: time.sleep(60))
    settings = gpu["Settings"](torch.device("cpu"), quick=True, methods=("cut",))
    monkeypatch.setitem(gpu["measure"].__globals__, "GRACE", 0.1)
    first, second = gpu["lines"]([slow], settings, 0.2)
    assert first["error"]["type"] == "OutOfTime"
    assert "error" in second or second["skipped"] == "no time was left"
    assert [row["skipped"] for row in gpu["lines"]([slow], settings, 0.0)] == 2 * ["no time was left"]


def test_numbers_that_json_does_not_have_are_text() -> None:
    as_json = runpy.run_path(str(BENCHMARKS / "gpu.py"))["as_json"]
    assert as_json({"losses": [1.5, float("nan")], "of": {"size": (2, float("inf"))}}) == (
        '{"losses": [1.5, "nan"], "of": {"size": [2, "inf"]}}'
    )


def test_the_time_of_a_kernel_counts_once_and_not_for_the_call_that_launched_it() -> None:
    from gpu_speed import kernel_seconds

    def event(device: torch.autograd.DeviceType, microseconds: float, annotation: bool = False) -> SimpleNamespace:
        return SimpleNamespace(device_type=device, self_device_time_total=microseconds, is_user_annotation=annotation)

    cpu, cuda = torch.autograd.DeviceType.CPU, torch.autograd.DeviceType.CUDA
    assert kernel_seconds([event(cpu, 4e6), event(cuda, 3e6), event(cuda, 1e6), event(cuda, 9e6, True)]) == 4.0


def test_captured_steps_are_compared_with_eager_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records as `tests/support` does on a CPU, in place of CUDA graphs."""
    import gpu_ways
    from gpu_training import Settings

    recorder = RecordedOperations()
    monkeypatch.setattr(gpu_ways, "CudaRecorder", lambda _device: recorder)
    settings = Settings(torch.device("cpu"), quick=True, methods=("cut",))
    eager, captured = (gpu_ways.losses(settings, "cut", way, 5) for way in ("eager", "captured"))
    assert recorder.replayed == 2
    assert gpu_ways.differences(eager, captured) == {
        "steps_compared": 5,
        "losses_equal": True,
        "first_step_that_differs": None,
        "losses_differ_by": 0.0,
    }
    captured[3] = {name: 2 * value for name, value in captured[3].items()}
    other = gpu_ways.differences(eager, captured)
    assert (other["losses_equal"], other["first_step_that_differs"], other["losses_differ_by"]) == (False, 4, 1.0)


def test_waits_for_the_gpu_are_counted_by_the_line_of_this_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for torch's switch, which warns at each call that waits."""
    from gpu_checks import waits

    modes: list[str] = []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)

    def work() -> None:
        warnings.warn("mode is a prototype feature and does not yet detect all synchronizing operations", stacklevel=1)
        for _ in range(3):
            warnings.warn("called a synchronizing CUDA operation", UserWarning, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)

    line = work.__code__.co_firstlineno + 3
    assert waits(work) == {f"tests/test_gpu_benchmark.py:{line}": 3}
    assert modes == ["warn", "default"]
