"""`ugbench bench`: the speed and memory of training a method on this machine."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from ugbench.cli.names import check_names
from ugbench.cli.options import ConfigOptions, Device, Json, MethodArgument, Precision
from ugbench.cli.output import print_result, progress_callback
from ugbench.cli.training_options import Capture, Compile
from ugbench.image_size import size_text


def bench(
    *,
    method: MethodArgument,
    options: ConfigOptions,
    steps: Annotated[
        int, Option("--steps", metavar="N", min=1, help="Number of timed steps; their median is printed.")
    ] = 5,
    device: Device = "auto",
    precision: Precision = "auto",
    compile: Compile = "auto",
    capture: Capture = "auto",
    as_json: Json = False,
) -> None:
    """Time training steps on random images, with their batches, and print parameters, arithmetic and peak memory too.

    \b
    Examples:
      ugbench bench ugatit --preset smoke
      ugbench bench cyclegan --size 128 --steps 3 --json
    """
    check_names([method])

    from ugbench import registry
    from ugbench.device import pick_device, pick_precision
    from ugbench.training.bench import bench as measure
    from ugbench.training.execution import Execution

    method_config = registry.load_method(method).make_config(options.preset, options.variant, options.overrides())
    config = method_config.resolved(1000, 1000)
    chosen_device = pick_device(device)
    picked = pick_precision(precision, chosen_device)
    execution = Execution(compile=compile, capture=capture)
    variant = options.variant
    with progress_callback(f"timing {method}") as progress:
        figures = measure(method, config, chosen_device, picked, variant, steps, progress=progress, execution=execution)
    networks = ", ".join(f"{name} {count:,}" for name, count in figures["parameters"].items())
    flops, peak = figures["flops_per_step"], figures["peak_memory_bytes"]
    rows = [
        ("method", method + (f"-{variant}" if variant else "")),
        ("images", f"{size_text(config.size)} px, {config.batch_size} of each domain a step"),
        ("on", f"{figures['device']}, {figures['precision']}, {figures['threads']} threads, torch {figures['torch']}"),
        ("step", f"{figures['seconds_per_step']:.3f} s, median of {steps}"),
        ("of it for the batch", f"{figures['seconds_per_batch'] * 1000:.2f} ms"),
        ("images a second", f"{figures['images_per_second']:.2f}"),
        ("arithmetic a step", f"{flops / 1e9:.1f} GFLOP" if flops else "not counted"),
        ("peak memory", f"{peak / 2**20:.0f} MiB" if peak is not None else "not known on this system"),
        ("parameters", networks),
    ]
    print_result(as_json, figures, ("", ""), rows)
