"""How fast a method trains here, and how much memory and arithmetic a step takes."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from ugbench import registry
from ugbench.data.batches import Batches, training_size
from ugbench.device import Precision, autocast
from ugbench.method import Batch, MethodConfig
from ugbench.training import optimization
from ugbench.training.counts import parameters_by_network
from ugbench.training.phases import Phases


def bench(
    method_name: str,
    config: MethodConfig,
    device: torch.device,
    mode: Precision,
    variant: str | None = None,
    steps: int = 5,
    warmup_steps: int = 1,
    tick: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Time training steps on random images and count what a step does.

    Returns:
        `seconds_per_step` is the median over `steps`; `flops_per_step` counts multiplications and additions
        of convolutions and matrix products apart (None where PyTorch cannot count); `peak_memory_bytes` is
        the device's, or on a CPU the process's peak resident size; `parameters` by network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        method = registry.load_method(method_name)(config)
    method.to(device).train()
    optimizers = optimization.build(method)
    phases = Phases(optimizers)
    # Nothing but the shape of the images matters here.
    side = training_size(config.size)
    images = torch.randint(0, 256, (4, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    batches = Batches(
        images,
        images,
        size=config.size,
        batch_size=config.batch_size,
        seed=0,
        draws=method.draws(),
        device=device,
    )
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)

    def one_step(batch: Batch) -> None:
        optimization.set_rates(optimizers, batch.step)
        phases.begin_step()
        with autocast(mode, device):
            method.step(batch, phases)

    with FlopCounterMode(display=False) as counter:
        one_step(batches.at(0))
    seconds = []
    for step in range(1, warmup_steps + steps + 1):
        batch = batches.at(step)
        _wait(device)
        start = time.perf_counter()
        one_step(batch)
        _wait(device)
        if step > warmup_steps:
            seconds.append(time.perf_counter() - start)
        if tick is not None:
            tick(step, warmup_steps + steps)
    median = statistics.median(seconds)
    return {
        "method": method_name,
        "variant": variant,
        "size": config.size,
        "batch_size": config.batch_size,
        "device": str(device),
        "precision": mode,
        "compiled": False,
        "warmup_steps": warmup_steps + 1,
        "steps": steps,
        "seconds_per_step": median,
        "images_per_second": 2 * config.batch_size / median,
        "parameters": parameters_by_network(method),
        "flops_per_step": counter.get_total_flops() or None,
        "peak_memory_bytes": peak_memory(device),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def peak_memory(device: torch.device) -> int:
    """Bytes: the most that was allocated on a GPU, or the process's largest resident size on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():
        # Linux keeps ru_maxrss across exec, so a small process started by a large one would report the large one's.
        (line,) = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
