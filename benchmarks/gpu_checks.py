"""The sections of gpu.py that check numbers: waits for the GPU, agreement with the CPU, Inf, and equal bits."""

import os
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gpu_training import Section, Settings, Training, compared, differing, each_method, same_bits, training
from torch import Tensor

from ugbench.arithmetic import computing_on
from ugbench.method import Batch
from ugbench.training.environment import describe
from ugbench.training.machine import Machine
from ugbench.training.non_finite import NonFiniteFlag, NonFiniteStep

ROOT = Path(__file__).parents[1]
BELOW = 0.999
"""Parameters whose gradients on the GPU and on the CPU have a smaller cosine are counted."""


def device_and_flags(settings: Settings) -> dict[str, Any]:
    """What the numbers of all sections depend on besides the code."""
    with computing_on(settings.device):
        described = describe(Machine(settings.device), settings.methods[0])
    memory = torch.cuda.get_device_properties(settings.device).total_memory if settings.cuda else None
    return {
        **described,
        "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        "device_memory_bytes": memory,
        "quick": settings.quick,
    }


def host_syncs(settings: Settings, method: str) -> dict[str, Any]:
    """Where the processor waits for the GPU in three steps as the training loop has them, by file and line."""
    with computing_on(settings.device), training(method, settings.small(method), settings.device) as trained:
        for _ in range(3):
            trained.advance()
        torch.cuda.synchronize()
        return {"steps": 3, "waits": waits(lambda: _as_in_the_loop(trained, 3))}


def _as_in_the_loop(trained: Training, steps: int) -> None:
    """Steps with their non-finite flags, each of which is read a step later."""
    previous: NonFiniteFlag | None = None
    for _ in range(steps):
        trained.advance()
        flag = NonFiniteFlag(trained.phases, trained.step)
        if previous is not None:
            previous.check()
        previous = flag


def waits(work: Callable[[], None]) -> dict[str, int]:
    """How often the processor waits for the GPU while it works, by the innermost line of this repository."""
    counted: Counter[str] = Counter()

    def count(message: Warning | str, *_: object, **__: object) -> None:
        # When the mode is set, torch warns that it is a prototype.
        if "called a synchronizing" in str(message):
            frames = traceback.extract_stack()[:-1]
            ours = [frame for frame in frames if ROOT in Path(frame.filename).parents and ".venv" not in frame.filename]
            ours = [frame for frame in ours if Path(frame.filename).name not in ("gpu_checks.py", "gpu.py")] or ours
            place = (ours or frames)[-1]
            file = Path(place.filename)
            counted[f"{file.relative_to(ROOT) if ROOT in file.parents else file}:{place.lineno}"] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = count
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return dict(counted.most_common())


def against_cpu(settings: Settings, method: str) -> dict[str, Any]:
    """Three steps in float32 on the device and on the CPU, from the same weights and batches.

    The gradients are those of the first step, as Adam's first moments hold them up to a factor (with weight decay).
    """
    losses, moments = [], []
    for device in (settings.device, torch.device("cpu")):
        with computing_on(device), training(method, settings.small(method), device) as trained:
            of_device = []
            for step in range(3):
                trained.advance()
                of_device.append(trained.losses())
                if step == 0:
                    moments.append({k: v for k, v in trained.optimizer_state().items() if k.endswith("/exp_avg")})
            losses.append(of_device)
    cosines = {name: cosine(moment, moments[1][name]) for name, moment in moments[0].items()}
    lowest = min(cosines, key=lambda name: cosines[name])
    return {
        "losses_differ_by": [
            max(abs(here[name] - there[name]) / max(abs(there[name]), 1e-12) for name in there)
            for here, there in zip(*losses, strict=True)
        ],
        "lowest_cosine": cosines[lowest],
        "parameter": lowest.removesuffix("/exp_avg"),
        "parameters": len(cosines),
        f"cosines_below_{BELOW}": sum(value < BELOW for value in cosines.values()),
    }


def cosine(first: Tensor, second: Tensor) -> float:
    """The cosine of the angle between two tensors; 1 where both are 0."""
    first, second = first.double().flatten(), second.double().flatten()
    norms = float(first.norm() * second.norm())
    return float(first @ second) / norms if norms else float(not first.any() and not second.any())


def injected_inf(settings: Settings, method: str) -> dict[str, Any]:
    """A step whose batch has an Inf: it changes no parameter and no state of an optimizer, and its term is named."""
    with computing_on(settings.device), training(method, settings.small(method), settings.device) as trained:
        trained.advance()
        trained.advance()
        before, state_before = trained.parameters(), trained.optimizer_state()
        batch = trained.batches.at(trained.step)
        image = batch.a.clone()
        image[0, 0, 0, 0] = torch.inf
        trained.advance(Batch(image, batch.b, batch.draws, batch.step, batch.extra))
        named: NonFiniteStep | None = None
        try:
            NonFiniteFlag(trained.phases, trained.step).check()
        except NonFiniteStep as error:
            named = error
        state = trained.optimizer_state()
        return {
            "named": None if named is None else {"step": named.step, "term": named.term},
            "parameters": compared(differing(before, trained.parameters())),
            "step_counters_are_back": all(
                same_bits(tensor, state[name]) for name, tensor in state_before.items() if name.endswith("/step")
            ),
            "optimizers": compared(differing(state_before, state)),
        }


def twice(settings: Settings, method: str, deterministic: bool) -> dict[str, Any]:
    """The same steps twice from the same weights: which parameters differ afterwards."""
    steps = 4 if settings.quick else 20
    ends = []
    for _ in range(2):
        with (
            computing_on(settings.device, deterministic=deterministic),
            training(method, settings.small(method), settings.device) as trained,
        ):
            for _ in range(steps):
                trained.advance()
            ends.append(trained.parameters() | trained.optimizer_state())
    return {"steps": steps, **compared(differing(*ends))}


CHECKS = [
    Section("device", 0.01, lambda _settings: [{}], device_and_flags),
    Section("host_syncs", 0.06, each_method, host_syncs, needs_gpu=True),
    Section("against_cpu", 0.08, each_method, against_cpu),
    Section("injected_inf", 0.04, each_method, injected_inf),
    Section(
        "twice",
        0.1,
        lambda settings: [
            {"method": method, "deterministic": deterministic}
            for deterministic in (False, True)
            for method in settings.methods
        ],
        twice,
    ),
]
