"""`ugbench translate`: translate images with a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from ugbench.cli.options import (
    AUTO,
    RESULTS,
    Devices,
    Json,
    LocatedDatasets,
    Precision,
    Results,
    RunArgument,
    path_option,
)
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.parse import parse_number
from ugbench.direction import Direction
from ugbench.errors import DataError, UsageError


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
    keep_size: Annotated[
        bool,
        Option("--keep-size", help="Resize each output to the size of its input, or of the part that a run crops."),
    ] = False,
    native_size: Annotated[
        bool,
        Option("--native-size", help="Translate each image at its own size, if the networks take any size."),
    ] = False,
    short_side: Annotated[
        int | None,
        Option(
            "--short-side",
            metavar="N",
            min=32,
            help="Translate each image whole, resized so that its shorter side has N px; otherwise as --native-size.",
        ),
    ] = None,
    batch_size: Annotated[
        int, Option("--batch-size", metavar="N", min=1, help="Images that are translated at once.")
    ] = 8,
    samples: Annotated[
        int, Option("--samples", metavar="N", min=1, help="Outputs for each image, if the method has several.")
    ] = 1,
    seed: Annotated[
        int | None,
        Option(
            "--seed",
            metavar="N",
            min=0,
            help="Seed of the styles that are drawn, if the method has a style; default: 0.",
        ),
    ] = None,
    style: Annotated[
        Path | None,
        path_option("--style", "file", "IMAGE", "An image of the target domain whose style all outputs get."),
    ] = None,
    checkpoint: Annotated[
        str, Option("--checkpoint", metavar="last|STEP", help="Checkpoint that the weights come from.")
    ] = "last",
    dataset: LocatedDatasets = None,
    skip_bad: Annotated[bool, Option("--skip-bad", help="Leave out images that cannot be read.")] = False,
    results: Results = RESULTS,
    device: Devices = AUTO,
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Translate images with a trained run.

    Inputs get the run's size as in its training: they are squashed, cropped at the centre, or padded (`train --fit`).
    Padding is cut off from the outputs again, so that they have the proportions of their inputs. With --native-size
    nothing is resized: images are translated one at a time, so that large ones take much memory. --short-side 256 is
    how the public codes of UNIT and MUNIT resize test images.

    Inputs are never replaced, and of the files in --output only those that an earlier translation wrote there.

    \b
    Examples:
      ugbench translate 3f2a --input photo.jpg --output out
      ugbench translate 3f2a --input datasets/cat2dog/testA --output out --attention --keep-size
      ugbench translate 7c01 --input photo.jpg --output out --style datasets/cat2dog/testB/dog.jpg
    """
    from ugbench.cli.chosen_datasets import locate_datasets
    from ugbench.data.images import list_images, read_image
    from ugbench.runs.run import find_run

    if native_size and keep_size:
        raise UsageError(
            "--native-size gives each output the size of its input, so --keep-size has no effect; leave one out."
        )
    if short_side is not None and (native_size or keep_size):
        other = "--native-size" if native_size else "--keep-size"
        raise UsageError(f"--short-side {short_side} and {other} ask for outputs of two sizes; leave one out.")
    chosen_run = find_run(run, results)
    locate_datasets(dataset or (), results, [chosen_run])
    if not source.exists():
        raise UsageError(f"--input {source}: there is no such file or folder.")
    paths = list_images(source) if source.is_dir() else [source]
    chosen_direction = direction or chosen_run.directions()[0]
    if style is not None and not style.exists():
        raise UsageError(f"--style {style}: there is no such file; name an image of domain {chosen_direction[2]}.")
    example = None if style is None else read_image(style)

    # What follows imports torch, which takes seconds.
    from ugbench.data.folders import describe_folder
    from ugbench.inference.image_files import output_names, write_outputs
    from ugbench.inference.native_size import check_any_size
    from ugbench.inference.output_folder import check_output_folder, translation_note
    from ugbench.inference.remote_methods import SavedMethod
    from ugbench.inference.several_devices import copies_on
    from ugbench.inference.styles import choose_styles
    from ugbench.inference.translate import check_direction
    from ugbench.inference.translator import load_translator

    check_direction(chosen_run, chosen_direction)
    if source.is_dir():
        log(describe_folder(source))
    chosen_device, further_devices = device.pick()
    chosen_step = parse_number(checkpoint, "--checkpoint", "last", "a step")
    translator = load_translator(
        chosen_run,
        chosen_device,
        chosen_direction,
        step=chosen_step,
        precision=precision,
        attention=attention,
        log=log,
    )
    method, step = translator.method, translator.step
    saved = SavedMethod(chosen_run.path, chosen_step, step, all_networks=attention)
    if native_size or short_side is not None:
        option = "--native-size" if native_size else "--short-side"
        check_any_size(method, chosen_run.config.label, chosen_direction, option)
    styles = choose_styles(method, chosen_run.config.label, chosen_direction, samples, seed, example, style)
    names = output_names(method, paths, chosen_direction, attention, samples)
    check_output_folder(output, paths if style is None else [*paths, style], names)
    made_with = {"run": chosen_run.id, "method": chosen_run.config.label, "direction": chosen_direction, "step": step}
    facts: dict[str, object] = {} if short_side is None else {"short_side": short_side}
    if style is not None:
        facts |= {"style_image": style.name}
    elif method.style_dim:
        facts |= {"style_seed": styles.seed, "samples": samples}
    with translation_note(output, names, {**made_with, **facts}), progress_callback("translating") as progress:
        count = write_outputs(
            method,
            paths,
            output,
            chosen_direction,
            batch_size=batch_size,
            precision=translator.precision,
            attention=attention,
            keep_size=keep_size,
            native_size=native_size or short_side is not None,
            short_side=short_side,
            styles=styles,
            copies=copies_on(method, further_devices, saved),
            progress=progress,
            on_bad=(lambda error: log(f"skipped: {error}")) if skip_bad else None,
        )
    if not count:
        raise DataError(f"--input {source}: none of its {len(paths)} images can be read; replace them.")
    trained = f" at step {step}" if step else ""
    log(f"{count} image{'s' * (count != 1)} by {chosen_run.config.label}{trained}, in {output}")
    if count < len(paths):
        log(f"{len(paths) - count} of {len(paths)} images cannot be read and were skipped.")
    if as_json:
        report = {"run": chosen_run.id, "step": step, "direction": chosen_direction, **facts}
        print_json({**report, "output": output, "images": count, "skipped": len(paths) - count})
