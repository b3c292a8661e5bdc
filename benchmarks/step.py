"""A training step of this package against a plain one, alternated in one run.

    python benchmarks/step.py                        light U-GAT-IT, 256 px, float32 (and bf16 where it is in hardware)
    python benchmarks/step.py --size 128 --runs 9    smaller, more rounds

`public` is the plain step as the public PyTorch code orders it, whose discriminators' update also runs backward
through the generators; `detached` leaves that out. All run in this process on the same images, turn by turn, so
that a noisy machine is noisy for all; ratios are taken round by round. Peak memory comes from a process of its own
for each (--only), since one process has one peak.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from plain_ugatit import PlainUGATIT

from ugbench import registry
from ugbench.device import Precision, has_bf16, pick_device
from ugbench.method import Batch
from ugbench.training.bench import peak_memory
from ugbench.training.step import Phases, build_optimizers, train_step

SMALLEST = 96  # px: with fewer, nothing is left to pad after the plain discriminators' five halvings


def ours(size: int, channels: int, device: torch.device, mode: Precision) -> Callable[[], None]:
    """This package's step as a call without arguments."""
    torch.manual_seed(0)
    method_class = registry.load_method("ugatit")
    fields = {"size": size, "channels": channels, "discriminator_channels": channels}
    method = method_class(method_class.make_config("light", None, fields)).to(device).train()
    phases = Phases(build_optimizers(method))
    a, b = images(size, device)

    def step() -> None:
        train_step(method, phases, Batch(a, b), mode)

    return step


def plain(size: int, channels: int, device: torch.device, detach: bool) -> Callable[[], None]:
    """The plain float32 step as a call without arguments; see PlainUGATIT for `detach`."""
    torch.manual_seed(0)
    with torch.device(device):
        program = PlainUGATIT(detach, channels)
    a, b = images(size, device)
    return lambda: program.step(a, b)


def images(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """One image a domain."""
    a, b = torch.rand(2, 1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return a.to(device), b.to(device)


def seconds(step: Callable[[], None], device: torch.device) -> float:
    """Wall time of one step."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def peak_of(which: str, size: int, channels: int, device: str) -> int:
    """Peak memory of two steps, bytes, measured in a process of its own."""
    command = [sys.executable, __file__, "--only", which, "--size", str(size), "--channels", str(channels)]
    command += ["--device", device]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """The median over pairs of one round."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help=f"at least {SMALLEST}")
    parser.add_argument("--channels", type=int, default=64, help="of the first layers")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--only", choices=["public", "detached", "fp32", "bf16"], help="run two steps and print the peak memory"
    )
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    if options.size < SMALLEST:
        parser.error(f"--size {options.size}: the plain step's discriminators need images of {SMALLEST} px or more.")
    device, size, channels = pick_device(options.device), options.size, options.channels
    make = {
        "public": lambda: plain(size, channels, device, detach=False),
        "detached": lambda: plain(size, channels, device, detach=True),
        "fp32": lambda: ours(size, channels, device, "fp32"),
        "bf16": lambda: ours(size, channels, device, "bf16"),
    }
    if options.only:
        step = make[options.only]()
        step()
        step()
        print(peak_memory(device))
        return
    names = ["public", "detached", "fp32"] + (["bf16"] if has_bf16(device) else [])
    peaks = {name: peak_of(name, size, channels, str(device)) for name in names}
    steps = {name: make[name]() for name in names}
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(options.runs):
        for name, step in steps.items():
            times[name].append(seconds(step, device))
    figures = {
        "device": str(device),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "size": size,
        "channels": channels,
        "steps": {
            name: {
                "seconds_median": statistics.median(own),
                "seconds_min_max": [min(own), max(own)],
                "times_faster_than_public": median_ratio(times["public"], own),
                "times_faster_than_detached": median_ratio(times["detached"], own),
                "peak_memory_bytes": peaks[name],
            }
            for name, own in times.items()
        },
    }
    if "bf16" not in names:
        figures["bf16"] = "not measured: this processor has no bfloat16 instructions"
    print(json.dumps(figures, indent=2))
    if options.output:
        options.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
