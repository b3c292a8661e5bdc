"""The measured cost of a step of each arm: for `--minutes`, and to check that several runs fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ugbench import registry
from ugbench.device import pick_precision
from ugbench.errors import UsageError
from ugbench.study.grid import Arm, Study, overrides
from ugbench.training.bench import bench
from ugbench.training.execution import Execution
from ugbench.training.free_memory import free_bytes

GIB = 2**30

# What `ugbench bench` reports of each arm.
Measured = Mapping[Arm, Mapping[str, Any]]


def measure_arms(
    study: Study,
    arms: Sequence[Arm],
    device: torch.device,
    precision: str,
    progress: Callable[[int, int], None],
    execution: Execution,
) -> Measured:
    """Run `ugbench bench` for each arm over three steps, one arm after the other in this process."""
    measured = {}
    for done, arm in enumerate(arms, start=1):
        config = registry.load_method(arm.method).make_config(study.preset, arm.variant, overrides(study, arm))
        config, picked = config.resolved(1000, 1000), pick_precision(precision, device)
        measured[arm] = bench(arm.method, config, device, picked, arm.variant, steps=3, execution=execution)
        progress(done, len(arms))
    torch.cuda.empty_cache()  # the runs need the memory that this process keeps; without a GPU it does nothing
    return measured


def check_memory(jobs: int, measured: Measured, devices: Sequence[str]) -> None:
    """Check that `jobs` runs of the largest arm, spread evenly over the devices, fit into the free memory of each.

    Args:
        devices: from `ugbench.study.runner.devices`.
    Raises:
        UsageError: they do not fit.
    """
    peaks = [report["peak_memory_bytes"] for report in measured.values()]
    peak = max((size for size in peaks if size is not None), default=0)  # None: the system does not tell
    if not peak:
        return
    for index, name in enumerate(devices):
        free = free_bytes(torch.device(name))
        runs = jobs // len(devices) + (index < jobs % len(devices))
        if free is not None and runs * peak > free:
            fitting = max(1, len(devices) * (free // peak))
            raise UsageError(
                f"--jobs {jobs}: a run takes up to {peak / GIB:.1f} GiB, and {free / GIB:.1f} GiB are free on {name}, "
                f"which would train {runs} at once; give --jobs {fitting}."
            )
