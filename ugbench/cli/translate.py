"""`ugbench translate`: a run and images in, images out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import Device, Json, Precision, Results
from ugbench.cli.output import print_json, progress_callback, say
from ugbench.errors import UsageError


def translate(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or the start of its id.")],
    source: Annotated[
        Path,
        options.path_option("--input", "any", "FILE|DIR", "An image, or a folder of images."),
    ],
    output: Annotated[
        Path,
        options.path_option("--output", "folder", "DIR", "Where <stem>.png of each input goes."),
    ],
    direction: Annotated[
        Literal["A2B", "B2A"] | None,
        typer.Option("--direction", help="Default: the run's first, A2B where it can."),
    ] = None,
    attention: Annotated[bool, typer.Option("--attention", help="Write heat maps over the inputs too.")] = False,
    keep_size: Annotated[bool, typer.Option("--keep-size", help="Put outputs back to their inputs' sizes.")] = False,
    batch_size: Annotated[int, typer.Option("--batch-size", metavar="N", min=1, help="Images at a time.")] = 8,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", min=1, help="Outputs an image, where a method has many.")
    ] = 1,
    checkpoint: Annotated[str, typer.Option("--checkpoint", metavar="last|STEP", help="Whose weights.")] = "last",
    results: Results = options.RESULTS,
    device: Device = options.DEVICE,
    precision: Precision = options.PRECISION,
    as_json: Json = False,
) -> None:
    """Translate images with a trained run. They are squashed to the run's size.

    \b
    Examples:
      ugbench translate 3f2a --input photo.jpg --output out
      ugbench translate 3f2a --input datasets/cat2dog/testA --output out --attention --keep-size
    """
    from ugbench.data.images import list_images
    from ugbench.device import pick_device, pick_precision
    from ugbench.inference import translate as translation
    from ugbench.inference.attention import attention_names
    from ugbench.inference.image_files import OutputOptions, write_outputs
    from ugbench.runs.run import find_run

    found = find_run(run, results)
    way = direction or found.directions()[0]
    translation.check_direction(found, way)
    if not source.exists():
        raise UsageError(f"--input {source}: there is no such file or folder.")
    paths = [source] if source.is_file() else list_images(source)
    chosen = pick_device(device)
    method, step = translation.load(found, chosen, parse_checkpoint(checkpoint), all_networks=attention)
    if attention and not attention_names(method, way):
        raise UsageError(f"--attention: {found.config.label} has no attention maps; leave it out.")
    # As it was trained, and as `eval` translates the test images.
    mode = pick_precision(precision, chosen, auto=found.config.precision)
    how = OutputOptions(batch_size, mode, attention, keep_size, samples)
    with progress_callback("translating") as tick:
        write_outputs(method, paths, output, way, how, tick)
    trained = f" at step {step}" if step else ""
    say(f"{len(paths)} image{'s' * (len(paths) != 1)} by {found.config.label}{trained}, in {output}")
    if as_json:
        print_json({"run": found.id, "step": step, "direction": way, "output": output, "images": len(paths)})


def parse_checkpoint(text: str) -> int | None:
    """`last` is None; else a step.

    Raises:
        UsageError: neither.
    """
    if text == "last":
        return None
    if text.isdecimal():
        return int(text)
    raise UsageError(f"--checkpoint {text}: give a step, or last.")
