"""`ugbench export`: write a run's networks to a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ugbench.cli.options import RESULTS, Json, Results, RunArgument, path_option
from ugbench.cli.output import log, print_json
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.file_names import is_utf8, readable
from ugbench.image_size import size_text

if TYPE_CHECKING:
    from ugbench.method import Method
    from ugbench.runs.run import Run

SUFFIXES = (".onnx", ".safetensors")


def export(
    run: RunArgument,
    output: Annotated[Path, path_option("--output", "file", "FILE", "The file: FILE.onnx or FILE.safetensors.")],
    direction: Annotated[
        Direction | None,
        Option(
            "--direction",
            help="Direction that an .onnx file translates; default: A2B, or the only one that the run has.",
        ),
    ] = None,
    results: Results = RESULTS,
    as_json: Json = False,
) -> None:
    """Write a trained run's last networks to a file. A file that is there already is replaced.

    FILE.onnx translates in one direction, at any batch size, and at any height and width that are multiples of 4
    where the networks allow it. Its outputs are compared with the run's before the file is written. FILE.safetensors
    holds all directions of the run, comes with a model card in FILE.md, and `ugbench import` reads it back.

    \b
    Examples:
      ugbench export 3f2a --output cat2dog.onnx --direction A2B
      ugbench export 3f2a --output cat2dog.safetensors
    """
    if output.suffix not in SUFFIXES:
        raise UsageError(f"--output {output}: the name must end in {' or '.join(SUFFIXES)}.")
    if output.suffix == ".onnx" and not is_utf8(output):
        raise UsageError(f"--output {output}: onnxruntime reads no path that is not UTF-8; name another file.")
    if output.is_dir():
        raise UsageError(f"--output {output}: that is a folder; name a file.")

    import torch

    from ugbench.exports import onnx
    from ugbench.inference import translate as translation
    from ugbench.runs.run import find_run

    if output.suffix == ".onnx":
        onnx.need_packages()
    chosen_run = find_run(run, results)
    if direction is not None:
        translation.check_direction(chosen_run, direction)
        if output.suffix == ".safetensors" and len(chosen_run.directions()) > 1:
            raise UsageError(f"--direction {direction}: a .safetensors file holds both directions; leave it out.")
    method, step = translation.load(chosen_run, torch.device("cpu"))
    replaced = output.exists()
    if output.suffix == ".onnx":
        report = _write_onnx(chosen_run, method, step, direction or chosen_run.directions()[0], output)
    else:
        report = _write_safetensors(chosen_run, method, step, output)
    trained = f" at step {step}" if step else ""
    text = report.pop("text")
    log(f"{'replaced' if replaced else 'wrote'} {output}: {chosen_run.config.label}{trained}, {text}")
    if as_json:
        print_json({"run": chosen_run.id, "step": step, "file": output, **report})


def _write_onnx(run: Run, method: Method, step: int, direction: Direction, output: Path) -> dict[str, Any]:
    from ugbench.exports import onnx

    size = size_text(method.config.size)
    notes = {"run": run.id, "method": run.config.label, "direction": direction, "step": str(step)}
    notes |= {"image": "RGB (n, 3, height, width) in [-1, 1]", "size": size}
    written = onnx.write(method, direction, output, notes)
    where = "at any size (multiples of 4)" if written.any_size else f"at {size} px"
    return {
        "text": f"{direction}, {where}; in onnxruntime it differs from the run by {written.difference:.2g} at most",
        "direction": direction,
        "any_size": written.any_size,
        "max_difference": written.difference,
        "checked": [list(shape) for shape in written.checked],
    }


def _write_safetensors(run: Run, method: Method, step: int, output: Path) -> dict[str, Any]:
    from ugbench.exports import safetensors
    from ugbench.exports.card import card
    from ugbench.runs.output_file import write_output
    from ugbench.scoring import record

    export = safetensors.export_of(run, method, step)
    safetensors.write(export, output)
    page = output.with_suffix(".md")
    write_output(page, card(export, record.read(run.scores_file), readable(output.name)))
    return {
        "text": f"{' and '.join(export.directions)}, with the card {page.name}",
        "directions": list(export.directions),
        "card": page,
    }
