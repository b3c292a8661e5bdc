"""`ugbench export`: a run as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import Json, Results
from ugbench.cli.output import print_json, say
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.direction import Direction
    from ugbench.method import Method
    from ugbench.runs.run import Run

SUFFIXES = (".onnx", ".safetensors")


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or the start of its id.")],
    output: Annotated[
        Path,
        options.path_option("--output", "file", "FILE", "FILE.onnx or FILE.safetensors."),
    ],
    direction: Annotated[
        Literal["A2B", "B2A"] | None,
        typer.Option("--direction", help="Of an .onnx file; default: the run's first, A2B where it can."),
    ] = None,
    results: Results = options.RESULTS,
    as_json: Json = False,
) -> None:
    """Write a trained run's last networks to a file. A file that is there already is replaced.

    FILE.onnx translates one way, at any batch size, and at any height and width that are multiples of 4 where
    the networks allow it. It is checked against the run before it is kept. FILE.safetensors holds both ways, with
    a model card in FILE.md, and `ugbench import` reads it back.

    \b
    Examples:
      ugbench export 3f2a --output cat2dog.onnx --direction A2B
      ugbench export 3f2a --output cat2dog.safetensors
    """
    if output.suffix not in SUFFIXES:
        raise UsageError(f"--output {output}: the name must end in {' or '.join(SUFFIXES)}.")
    if output.is_dir():
        raise UsageError(f"--output {output}: that is a folder; name a file.")

    import torch

    from ugbench.exports import onnx
    from ugbench.inference import translate as translation
    from ugbench.runs.run import find_run

    if output.suffix == ".onnx":
        onnx.need_packages()
    found = find_run(run, results)
    if direction is not None:
        translation.check_direction(found, direction)
        if output.suffix == ".safetensors" and len(found.directions()) > 1:
            raise UsageError(f"--direction {direction}: a .safetensors file holds both ways; leave it out.")
    method, step = translation.load(found, torch.device("cpu"))
    output.parent.mkdir(parents=True, exist_ok=True)
    replaced = output.exists()
    if output.suffix == ".onnx":
        told = _write_onnx(found, method, step, direction or found.directions()[0], output)
    else:
        told = _write_safetensors(found, method, step, output)
    trained = f" at step {step}" if step else ""
    text = told.pop("text")
    say(f"{'replaced' if replaced else 'wrote'} {output}: {found.config.label}{trained}, {text}")
    if as_json:
        print_json({"run": found.id, "step": step, "file": output, **told})


def _write_onnx(run: Run, method: Method, step: int, direction: Direction, output: Path) -> dict[str, Any]:
    from ugbench.exports import onnx

    size = method.config.size
    notes = {"run": run.id, "method": run.config.label, "direction": direction, "step": str(step)}
    notes |= {"image": "RGB (n, 3, height, width) in [-1, 1]", "size": str(size)}
    written = onnx.write(method, direction, output, notes)
    where = "at any size (multiples of 4)" if written.any_size else f"at {size} x {size} px"
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
    from ugbench.scoring import record

    export = safetensors.export_of(run, method, step)
    safetensors.write(export, output)
    page = output.with_suffix(".md")
    page.write_text(card(export, record.read(run.scores_file), output.name), encoding="utf-8")
    return {
        "text": f"{' and '.join(export.directions)}, with the card {page.name}",
        "directions": list(export.directions),
        "card": page,
    }
