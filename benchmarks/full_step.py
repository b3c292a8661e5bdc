"""Time and memory of a training step of full U-GAT-IT, with gradients in factors or whole, beside the light model.

    python benchmarks/full_step.py --size 128                        all of them, three rounds
    python benchmarks/full_step.py --only peaks                      peak memory alone, 256 px, one process for each
    python benchmarks/full_step.py --only seconds --sides factored,light     two that fit into the memory together

`factored` is the step as it is trained; `whole` forms the gradient of the largest layer whole; `checkpointed` is
`factored` with checkpoint_activations=true; `light` is the light model. They take turns in one process, and ratios are
taken within each round. Times on a CPU are those of the processor, which other work on the machine changes less; with
OMP_NUM_THREADS=1 no thread waits for another one. Peak memory is measured in a process for each side.
"""

import json
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace

import torch
from measuring import machine, make_parser, print_figures, run_again, timed
from step import images, median_ratio, seconds

from ugbench import registry
from ugbench.device import Precision, pick_device, pick_precision
from ugbench.method import Batch
from ugbench.training.activations import checkpoint_activations
from ugbench.training.bench import peak_memory
from ugbench.training.estimate import estimate
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

SIDES = {"factored": {}, "whole": {}, "checkpointed": {"checkpoint_activations": True}, "light": {"light": True}}


def step_of(side: str, size: int, channels: int, device: torch.device, precision: Precision) -> Callable[[], None]:
    """The step of a side (see SIDES) as a call without arguments."""
    torch.manual_seed(0)
    method_class = registry.load_method("ugatit")
    fields = {"size": size, "channels": channels, "discriminator_channels": channels, **SIDES[side]}
    method = method_class(method_class.make_config("paper", None, fields)).to(device).train()
    checkpoint_activations(method)
    run_networks_in(method, precision, device)
    optimizers = build_optimizers(method)
    if side == "whole":
        optimizers = {name: replace(optimizer, factored=()) for name, optimizer in optimizers.items()}
    phases = Phases(optimizers)
    batch = Batch(*images(size, device))
    return lambda: train_step(method, phases, batch)


def time_of(step: Callable[[], None], device: torch.device) -> float:
    """The seconds of a step: processor time on a CPU, else wall time."""
    return timed(step)[1]["processor"] if device.type == "cpu" else seconds(step, device)


def counted(side: str, size: int, channels: int) -> dict[str, int]:
    """The memory of a step in bytes, counted from shapes: what stays, and what is kept for the backward passes."""
    fields = {"size": size, "channels": channels, "discriminator_channels": channels, **SIDES[side]}
    config = registry.load_method("ugatit").make_config("paper", None, fields)
    sizes = {precision: estimate("ugatit", config, precision) for precision in ("fp32", "bf16")}
    return {
        "state_bytes": sizes["fp32"].state,
        **{f"kept_bytes_{precision}": size_of.saved for precision, size_of in sizes.items()},
    }


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--size", type=int, default=256, help="image size in px")
    parser.add_argument("--channels", type=int, default=64, help="channels of the first layers")
    parser.add_argument("--runs", type=int, default=3, help="number of rounds")
    parser.add_argument("--sides", default=",".join(SIDES), help=f"some of {','.join(SIDES)}")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="fp32", help="fp32 or bf16")
    parser.add_argument("--only", choices=("peaks", "seconds"), help="measure the memory alone, or the time alone")
    parser.add_argument("--peak-of", choices=SIDES, help="(for itself) run two steps and print the peak memory")
    options = parser.parse_args()
    device, size, channels = pick_device(options.device), options.size, options.channels
    precision = pick_precision(options.precision, device)
    if options.peak_of:
        step = step_of(options.peak_of, size, channels, device, precision)
        step()
        step()
        print(peak_memory(device))
        return
    names = options.sides.split(",")
    if unknown := [name for name in names if name not in SIDES]:
        parser.error(f"--sides {','.join(unknown)}: give some of {','.join(SIDES)}.")
    same = ["--size", size, "--channels", channels, "--device", device, "--precision", precision]
    sides: dict[str, dict[str, float | list[float]]] = {name: {} for name in names}
    for name, figures in sides.items():
        if options.only != "seconds":
            figures |= {"peak_memory_bytes": run_again("--peak-of", name, *same)}
        figures |= {} if name == "whole" else counted(name, size, channels)
        print(name, json.dumps(figures), file=sys.stderr, flush=True)
    if options.only != "peaks":
        steps = {name: step_of(name, size, channels, device, precision) for name in names}
        for step in steps.values():
            step()
        rounds = [{name: time_of(step, device) for name, step in steps.items()} for _ in range(options.runs)]
        for name, figures in sides.items():
            times = [of_round[name] for of_round in rounds]
            first = [of_round[names[0]] for of_round in rounds]
            figures["seconds_median"] = statistics.median(times)
            figures["seconds_min_max"] = [min(times), max(times)]
            figures[f"times_the_seconds_of_{names[0]}"] = median_ratio(times, first)
    figures_of_all = {
        "device": str(device),
        **machine(),
        "torch": torch.__version__,
        "load_average": os.getloadavg()[0],
        "size": size,
        "channels": channels,
        "precision": precision,
        "sides": sides,
    }
    print_figures(figures_of_all, options.output)


if __name__ == "__main__":
    main()
