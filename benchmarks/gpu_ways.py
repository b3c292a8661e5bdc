"""The section of gpu.py that computes the same steps in several ways: eager, with compiled networks, or captured."""

from collections.abc import Callable
from typing import Any

from gpu_speed import WARM_UP, busy_share, seconds_per_call
from gpu_training import Section, Settings, Training, training

from ugbench.arithmetic import computing_on
from ugbench.device import Precision, has_bf16
from ugbench.method import Batch
from ugbench.training.capture import CapturedSteps
from ugbench.training.compiled_gradients import check_gradients
from ugbench.training.compiling import CompiledNetworks
from ugbench.training.cuda_graphs import CudaRecorder

COMPARED = 20
"""Steps whose losses are compared with those of eager ones."""


def eager(trained: Training) -> Callable[[Batch], None]:
    """One operation after the other."""
    return trained.compute


def compiled(trained: Training) -> Callable[[Batch], None]:
    """The networks by torch.compile, the first step too. The section fails if their gradients are wrong."""
    compute, networks = trained.compute, CompiledNetworks(trained.method)

    def step(batch: Batch) -> None:
        if batch.step < trained.method.period:
            check_gradients(trained.method, trained.phases, batch, networks)
        with networks.in_use():
            compute(batch)

    return step


def captured(trained: Training) -> Callable[[Batch], None]:
    """Whole steps as CUDA graphs."""
    return CapturedSteps(trained.method, trained.phases, CudaRecorder(trained.phases.found_inf.device))


WAYS: dict[str, Callable[[Training], Callable[[Batch], None]]] = {
    "eager": eager,
    "compiled": compiled,
    "captured": captured,
}


def way(settings: Settings, method: str, way: str) -> dict[str, Any]:
    """Losses of one way of computing beside eager ones, and its speed and memory at 256 px.

    The losses are those of small deterministic steps in float32, where both may be equal in every bit.
    """
    small = [losses(settings, method, name, COMPARED) for name in ("eager", way)]
    device, config = settings.device, settings.large(method, "light" if method == "ugatit" else "paper")
    precision: Precision = "bf16" if has_bf16(device) else "fp32"
    settings.forget_peak()
    with computing_on(device), training(method, config, device, precision) as trained:
        trained.compute = WAYS[way](trained)
        for _ in range(trained.method.period * WARM_UP):
            trained.advance()
        speed = seconds_per_call(trained.advance, device, settings.seconds / 4)
        busy, peak = busy_share(trained.advance, device), settings.peak()
    return {
        **differences(*small),
        "precision": precision,
        "seconds_per_step": speed,
        "busy_share": busy,
        "peak_memory_bytes": peak,
    }


def losses(settings: Settings, method: str, way: str, steps: int) -> list[dict[str, float]]:
    """The losses of each of the first steps."""
    device, of_steps = settings.device, []
    with computing_on(device, deterministic=True), training(method, settings.small(method), device) as trained:
        trained.compute = WAYS[way](trained)
        for _ in range(steps):
            trained.advance()
            of_steps.append(trained.losses())
    return of_steps


def differences(first: list[dict[str, float]], second: list[dict[str, float]]) -> dict[str, Any]:
    """Whether the losses of all steps are equal, the first step where they are not, and their largest difference."""
    unequal = [step for step, (ours, theirs) in enumerate(zip(first, second, strict=True), 1) if ours != theirs]
    return {
        "steps_compared": len(first),
        "losses_equal": not unequal,
        "first_step_that_differs": unequal[0] if unequal else None,
        "losses_differ_by": max(
            abs(ours[name] - theirs[name]) / max(abs(ours[name]), 1e-12)
            for ours, theirs in zip(first, second, strict=True)
            for name in ours
        ),
    }


def _methods_and_ways(settings: Settings) -> list[dict[str, Any]]:
    return [{"method": method, "way": name} for method in settings.methods for name in WAYS]


WAYS_OF_COMPUTING = Section("ways", 0.2, _methods_and_ways, way, needs_gpu=True)
