"""Measures how fast a method trains on this machine, and the memory and arithmetic of a training step."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import torch

from ugbench import registry
from ugbench.arithmetic import computing_on
from ugbench.data.progress import Progress, tracked
from ugbench.device import Precision
from ugbench.image_size import stored_size
from ugbench.method import MethodConfig
from ugbench.training import compiling
from ugbench.training.capture import WARM_UP, step_function
from ugbench.training.compiled_gradients import check_gradients
from ugbench.training.counts import parameters_by_network
from ugbench.training.environment import device_name
from ugbench.training.execution import Execution
from ugbench.training.flops import flop_counter
from ugbench.training.read_ahead import ReadAhead
from ugbench.training.ready import made_ready, random_batches
from ugbench.training.step import train_step


def bench(
    method_name: str,
    config: MethodConfig,
    device: torch.device,
    precision: Precision,
    variant: str | None = None,
    steps: int = 5,
    warmup_steps: int = 1,
    progress: Progress | None = None,
    execution: Execution | None = None,
) -> dict[str, Any]:
    """Measure training steps on random images.

    Args:
        progress: called after each step.
        execution: how steps are computed; None for the default. Steps that are captured are measured as replays.
    Returns:
        Among others `seconds_per_step`, the median over the measured steps; `seconds_per_batch`, the part of it that
        a step waits for its batch, which is prepared ahead as in a training; `flops_per_step`, the multiplications plus
        the additions of convolutions and matrix products (None if PyTorch cannot count them); `peak_memory_bytes`, see
        `peak_memory`; `parameters`, their number for each network. If the steps of the method repeat after a period,
        whole periods are measured, and times and FLOPs are means over a period.
    Raises:
        UsageError: steps cannot be captured or compiled as `execution` asks.
        UgbenchError: the gradients of the compiled networks are wrong, see `ugbench.training.compiled_gradients`.
    """
    execution = execution or Execution()
    execution.check(device, precision)
    compiling.check(execution, config, device)
    with computing_on(device, deterministic=execution.deterministic):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            method = registry.load_method(method_name)(config)
        phases = made_ready(method.train(), device, precision)
        compiled = None
        if execution.compiles:
            compiled = compiling.CompiledNetworks(method, keeps_graphs=phases.loss_scale is not None)
        batches = random_batches(method, device)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        period = method.period
        least = WARM_UP * period + period if execution.captures else warmup_steps  # until all steps are recorded
        warmup_steps, steps = (_whole_periods(count, period) for count in (max(least, warmup_steps), steps))
        take_step = step_function(method, phases, execution)
        seconds, seconds_of_batches = [], []
        total = warmup_steps + steps
        with closing(ReadAhead(batches)) as ahead:
            with flop_counter() as counter:
                for step in range(period):
                    train_step(method, phases, ahead.at(step))
            for step in tracked(range(period, period + total), total, progress):
                if compiled is not None and step < 2 * period:
                    check_gradients(method, phases, batches.at(step), compiled)
                wait_for(device)
                start = time.perf_counter()
                batch = ahead.at(step)
                seconds_of_batches.append(time.perf_counter() - start)
                with nullcontext() if compiled is None else compiled.in_use():
                    take_step(batch)
                wait_for(device)
                seconds.append(time.perf_counter() - start)
        median = _median_of_periods(seconds[warmup_steps:], period)
        return {
            "method": method_name,
            "variant": variant,
            "size": stored_size(config.size),
            "batch_size": config.batch_size,
            "device": str(device),
            "precision": precision,
            "compiled": compiled is not None,
            "captured": execution.captures,
            "warmup_steps": warmup_steps + period,
            "steps": steps,
            "seconds_per_step": median,
            "seconds_per_batch": _median_of_periods(seconds_of_batches[warmup_steps:], period),
            "images_per_second": 2 * config.batch_size / median,
            "parameters": parameters_by_network(method),
            "flops_per_step": round(counter.get_total_flops() / period) or None,
            "peak_memory_bytes": peak_memory(device),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "device_name": device_name(device),
        }


def _whole_periods(steps: int, period: int) -> int:
    """At least this many steps, as a multiple of the period."""
    return -(-steps // period) * period


def _median_of_periods(seconds: Sequence[float], period: int) -> float:
    """The median over the periods of the mean of a step in the period."""
    return statistics.median(sum(seconds[first : first + period]) / period for first in range(0, len(seconds), period))


def peak_memory(device: torch.device) -> int | None:
    """The most memory that PyTorch allocated on a GPU, or the peak resident size of the process for a CPU, in bytes.

    None on a CPU under Windows, where Python's standard library does not report it.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():
        # Linux keeps ru_maxrss across exec: a small process that a large one started would report the size of that one.
        (line,) = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such module
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def wait_for(device: torch.device) -> None:
    """Wait until a device has computed all that it was given; for a CPU there is nothing to wait for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
