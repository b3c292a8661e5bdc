"""`ugbench translate`: translate images with a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from ugbench.cli.options import RESULTS, Device, Json, Precision, Results, RunArgument, path_option
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.parse import parse_number
from ugbench.direction import Direction
from ugbench.errors import UsageError


def translate(
    run: RunArgument,
    source: Annotated[Path, path_option("--input", "any", "FILE|DIR", "An image, or a folder of images.")],
    output: Annotated[
        Path, path_option("--output", "folder", "DIR", "Folder that <stem>.png of each input is written to.")
    ],
    direction: Annotated[
        Direction | None,
        Option("--direction", help="Direction to translate in; default: A2B, or the only one that the run has."),
    ] = None,
    attention: Annotated[bool, Option("--attention", help="Also write attention maps, drawn over the inputs.")] = False,
    keep_size: Annotated[bool, Option("--keep-size", help="Resize each output to the size of its input.")] = False,
    batch_size: Annotated[
        int, Option("--batch-size", metavar="N", min=1, help="Images that are translated at once.")
    ] = 8,
    samples: Annotated[
        int, Option("--samples", metavar="N", min=1, help="Outputs for each image, if the method has several.")
    ] = 1,
    checkpoint: Annotated[
        str, Option("--checkpoint", metavar="last|STEP", help="Checkpoint that the weights come from.")
    ] = "last",
    results: Results = RESULTS,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Translate images with a trained run. Inputs are squashed to the run's size.

    \b
    Examples:
      ugbench translate 3f2a --input photo.jpg --output out
      ugbench translate 3f2a --input datasets/cat2dog/testA --output out --attention --keep-size
    """
    from ugbench.data.images import list_images
    from ugbench.device import pick_device, pick_precision
    from ugbench.inference import translate as translation
    from ugbench.inference.attention import attention_names, networks_without_weights
    from ugbench.inference.image_files import write_outputs
    from ugbench.runs.run import find_run

    chosen_run = find_run(run, results)
    chosen_direction = direction or chosen_run.directions()[0]
    translation.check_direction(chosen_run, chosen_direction)
    if not source.exists():
        raise UsageError(f"--input {source}: there is no such file or folder.")
    paths = [source] if source.is_file() else list_images(source)
    chosen_device = pick_device(device)
    chosen_step = parse_number(checkpoint, "--checkpoint", "last", "a step")
    method, step = translation.load(chosen_run, chosen_device, chosen_step, all_networks=attention)
    if attention and not attention_names(method, chosen_direction):
        raise UsageError(f"--attention: {chosen_run.config.label} has no attention maps; leave it out.")
    if attention and (lacking := networks_without_weights(method)):
        log(f"run {chosen_run.id} was imported without {', '.join(lacking)}; attention maps of these are left out.")
    # auto is the precision that the run was trained in, which `eval` also uses for the test images.
    chosen_precision = pick_precision(precision, chosen_device, auto=chosen_run.config.precision)
    with progress_callback("translating") as progress:
        write_outputs(
            method,
            paths,
            output,
            chosen_direction,
            batch_size=batch_size,
            precision=chosen_precision,
            attention=attention,
            keep_size=keep_size,
            samples=samples,
            progress=progress,
        )
    trained = f" at step {step}" if step else ""
    log(f"{len(paths)} image{'s' * (len(paths) != 1)} by {chosen_run.config.label}{trained}, in {output}")
    if as_json:
        report = {"run": chosen_run.id, "step": step, "direction": chosen_direction}
        print_json({**report, "output": output, "images": len(paths)})
