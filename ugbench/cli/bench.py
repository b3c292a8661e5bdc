"""`ugbench bench`: how fast a method trains here."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ugbench.cli import options
from ugbench.cli.options import Device, Json, Precision, Sets
from ugbench.cli.output import print_json, print_rows, progress_callback


def bench(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="See `ugbench methods`.")],
    variant: Annotated[str | None, typer.Option("--variant", metavar="NAME", help="See `ugbench variants`.")] = None,
    preset: Annotated[str, typer.Option("--preset", metavar="paper|light|smoke", help="The config to start from.")] = (
        "paper"
    ),
    size: Annotated[int | None, typer.Option("--size", metavar="N", min=8, help="Image size, px.")] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", metavar="N", min=1, help="Images of each domain a step.")
    ] = None,
    steps: Annotated[
        int, typer.Option("--steps", metavar="N", min=1, help="Steps that are timed; the median is given.")
    ] = 5,
    sets: Sets = None,
    device: Device = options.DEVICE,
    precision: Precision = options.PRECISION,
    as_json: Json = False,
) -> None:
    """Time training steps on random images; parameters, arithmetic and peak memory beside it.

    \b
    Examples:
      ugbench bench ugatit --preset smoke
      ugbench bench cyclegan --size 128 --steps 3 --json
    """
    from ugbench import registry
    from ugbench.device import pick_device, pick_precision
    from ugbench.training.bench import bench as measure

    overrides: dict[str, Any] = {**options.parse_sets(sets)}
    overrides |= {key: value for key, value in {"size": size, "batch_size": batch_size}.items() if value is not None}
    config = registry.load_method(method).make_config(preset, variant, overrides).resolved(1000, 1000)
    chosen = pick_device(device)
    with progress_callback(f"timing {method}") as tick:
        figures = measure(method, config, chosen, pick_precision(precision, chosen), variant, steps, progress=tick)
    if as_json:
        print_json(figures)
        return
    networks = ", ".join(f"{name} {count:,}" for name, count in figures["parameters"].items())
    flops = figures["flops_per_step"]
    rows = [
        ("method", method + (f"-{variant}" if variant else "")),
        ("images", f"{config.size} px, {config.batch_size} of each domain a step"),
        (
            "on",
            f"{figures['device']}, {figures['precision']}, {figures['threads']} threads, torch {figures['torch']}",
        ),
        ("step", f"{figures['seconds_per_step']:.3f} s, median of {steps}"),
        ("images a second", f"{figures['images_per_second']:.2f}"),
        ("arithmetic a step", f"{flops / 1e9:.1f} GFLOP" if flops else "not counted"),
        ("peak memory", f"{figures['peak_memory_bytes'] / 2**20:.0f} MiB"),
        ("parameters", networks),
    ]
    print_rows(("", ""), rows)
