"""What a step of each arm costs here, measured: for `--minutes`, and for whether several runs fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ugbench import registry
from ugbench.device import pick_precision
from ugbench.errors import UsageError
from ugbench.study.grid import Arm, Study, overrides
from ugbench.training.bench import bench

GIB = 2**30


def measured(
    study: Study,
    arms: Sequence[Arm],
    device: torch.device,
    precision: str,
    tick: Callable[[int, int], None] | None = None,
) -> dict[Arm, dict[str, Any]]:
    """`ugbench bench` of each arm over three steps, one after the other in this process."""
    found = {}
    for done, arm in enumerate(arms):
        config = registry.load_method(arm.method).make_config(study.preset, arm.variant, overrides(study, arm))
        mode = pick_precision(precision, device)
        found[arm] = bench(arm.method, config.resolved(1000, 1000), device, mode, arm.variant, steps=3)
        if tick is not None:
            tick(done + 1, len(arms))
    return found


def steps_of(minutes: float, figures: Mapping[Arm, Mapping[str, Any]]) -> dict[Arm, int]:
    """Steps of each arm that take `minutes` at the measured speed, at least 1."""
    return {arm: max(1, int(60 * minutes / own["seconds_per_step"])) for arm, own in figures.items()}


def check_memory(jobs: int, figures: Mapping[Arm, Mapping[str, Any]], device: torch.device) -> None:
    """Raises UsageError where so many of the largest runs at once do not fit."""
    peak = max(own["peak_memory_bytes"] for own in figures.values())
    free = _free(device)
    if free is not None and jobs * peak > free:
        raise UsageError(
            f"--jobs {jobs}: a run takes up to {peak / GIB:.1f} GiB, and {free / GIB:.1f} GiB are free on {device}; "
            f"give --jobs {max(1, free // peak)}."
        )


def _free(device: torch.device) -> int | None:
    if device.type == "cuda":
        count = torch.cuda.device_count() if device.index is None else 1
        return sum(torch.cuda.mem_get_info(index)[0] for index in range(count))
    file = Path("/proc/meminfo")
    if not file.exists():
        return None
    lines = dict(line.split(":", 1) for line in file.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024
