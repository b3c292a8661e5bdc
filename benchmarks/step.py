"""A training step of this package against a plain one, in turns in one process.

    python benchmarks/step.py                        light U-GAT-IT, 256 px, float32 (and bf16 where it is in hardware)
    python benchmarks/step.py --size 128 --runs 9    smaller images, more rounds
    python benchmarks/step.py --profile              where the time of this package's step goes (see profiled)

`public` is the plain step in the order of the public PyTorch code, in which the discriminators' update also runs
backward through the generators; `detached` leaves that out. All of them run in this process on the same images, in
turns, so that a busy machine is busy for all; ratios are taken within each round. Peak memory is measured in a process
for each of them (--only), since a process has only one peak.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from convolutions import record, seconds_alone, shares, upsample_plainly
from measuring import machine, make_parser, print_figures, run_again, timed
from plain_ugatit import PlainUGATIT

from ugbench import registry
from ugbench.device import Precision, has_bf16, pick_device
from ugbench.method import Batch, MethodConfig
from ugbench.training.bench import peak_memory
from ugbench.training.ready import made_ready
from ugbench.training.step import train_step

SMALLEST = 96  # px; smaller images have nothing left to pad after the plain discriminators' five halvings


def ours(
    size: int, channels: int, device: torch.device, precision: Precision, *, plainly: bool = False
) -> Callable[[], None]:
    """This package's step as a call without arguments; `plainly` is `upsample_plainly`."""
    torch.manual_seed(0)
    method = registry.load_method("ugatit")(config_of(size, channels)).train()
    if plainly:
        upsample_plainly(method)
    phases = made_ready(method, device, precision)
    batch = Batch(*images(size, device))
    return lambda: train_step(method, phases, batch)


def config_of(size: int, channels: int) -> MethodConfig:
    """The config of light U-GAT-IT."""
    fields = {"size": size, "channels": channels, "discriminator_channels": channels}
    return registry.load_method("ugatit").make_config("light", None, fields)


def plain(size: int, channels: int, device: torch.device, detach: bool) -> Callable[[], None]:
    """The plain float32 step as a call without arguments; see PlainUGATIT for `detach`."""
    torch.manual_seed(0)
    with torch.device(device):
        program = PlainUGATIT(detach, channels)
    a, b = images(size, device)
    return lambda: program.step(a, b)


def images(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """One image (1, 3, size, size) in [-1, 1] for each domain."""
    a, b = torch.rand(2, 1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return a.to(device), b.to(device)


def seconds(step: Callable[[], None], device: torch.device) -> float:
    """Wall time of a step."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda _device: None
    wait(device)
    start = time.perf_counter()
    step()
    wait(device)
    return time.perf_counter() - start


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """The median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def profiled(
    size: int, channels: int, device: torch.device, precision: Precision, runs: int, with_shares: bool
) -> dict[str, Any]:
    """Where the time of this package's step goes.

    `now` is the step as it is. `convolutions` are those of the step in its plainest form (see convolutions.py), timed
    alone. With shares, `plain` is that plainest form as a step. They take turns; ratios are taken within each round.
    """
    calls = record("ugatit", config_of(size, channels), precision)
    sides = {"now": False, "plain": True} if with_shares else {"now": False}
    steps = {name: ours(size, channels, device, precision, plainly=plainly) for name, plainly in sides.items()}
    for step in steps.values():
        step()
    rounds = [
        {name: timed(step)[1] for name, step in steps.items()} | {"convolutions": seconds_alone(calls, device)}
        for _ in range(runs)
    ]
    figures: dict[str, Any] = {}
    for clock in ("wall", "processor"):
        times = {name: [of_round[name][clock] for of_round in rounds] for name in rounds[0]}
        figures[f"{clock}_seconds"] = {name: statistics.median(of_side) for name, of_side in times.items()}
        figures[f"{clock}_times_of_now"] = {name: median_ratio(times[name], times["now"]) for name in times}
    if with_shares:
        figures["percent"] = {name: shares(step) for name, step in steps.items()}
    return figures


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--size", type=int, default=256, help=f"image size in px, at least {SMALLEST}")
    parser.add_argument("--channels", type=int, default=64, help="channels of the first layers")
    parser.add_argument("--runs", type=int, default=5, help="number of rounds")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--profile", choices=("ratios", "shares"), nargs="?", const="shares", help="see profiled")
    names = ["public", "detached", "fp32", "bf16"]
    parser.add_argument("--only", choices=names, help="(for itself) run two steps and print the peak memory")
    options = parser.parse_args()
    if options.size < SMALLEST:
        parser.error(f"--size {options.size}: the plain step's discriminators need images of {SMALLEST} px or more.")
    device, size, channels = pick_device(options.device), options.size, options.channels
    make = {
        "public": partial(plain, size, channels, device, detach=False),
        "detached": partial(plain, size, channels, device, detach=True),
        "fp32": partial(ours, size, channels, device, "fp32"),
        "bf16": partial(ours, size, channels, device, "bf16"),
    }
    if options.only:
        step = make[options.only]()
        step()
        step()
        print(peak_memory(device))
        return
    names = names if has_bf16(device) else names[:-1]
    about = {"device": str(device), **machine(), "torch": torch.__version__, "size": size, "channels": channels}
    if options.profile:
        precisions: list[Precision] = ["fp32", "bf16"] if "bf16" in names else ["fp32"]
        with_shares = options.profile == "shares"
        profiles: dict[str, Any] = {
            name: profiled(size, channels, device, name, options.runs, with_shares) for name in precisions
        }
        print_figures({**about, **profiles, "load_average": os.getloadavg()[0]}, options.output)
        return
    same = ["--size", size, "--channels", channels, "--device", device]
    peaks = {name: run_again("--only", name, *same) for name in names}
    steps = {name: make[name]() for name in names}
    for step in steps.values():
        step()
    rounds = [{name: seconds(step, device) for name, step in steps.items()} for _ in range(options.runs)]
    times = {name: [times_of_round[name] for times_of_round in rounds] for name in names}
    figures = {
        **about,
        "load_average": os.getloadavg()[0],
        "steps": {
            name: {
                "seconds_median": statistics.median(times[name]),
                "seconds_min_max": [min(times[name]), max(times[name])],
                "times_faster_than_public": median_ratio(times["public"], times[name]),
                "times_faster_than_detached": median_ratio(times["detached"], times[name]),
                "peak_memory_bytes": peaks[name],
            }
            for name in names
        },
    }
    if "bf16" not in names:
        figures["bf16"] = "not measured: this processor has no bfloat16 instructions"
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
