"""`ugbench import`: a published checkpoint, or other tools' outputs, becomes a run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import DataRoot, Json, Precision, Results, Sets
from ugbench.cli.output import print_json, say
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.data.datasets import DataSet
    from ugbench.imports.external import MatchedOutputs
    from ugbench.runs.run import Run

EXTERNAL = "external"
SHOWN = 10  # stems named in a sentence


def import_(
    method: Annotated[
        str,
        typer.Option("--as", metavar="METHOD", help="Whose checkpoint it is; external: another tool's outputs."),
    ],
    path: Annotated[
        Path | None,
        typer.Argument(
            parser=options.path_reader("FILE|DIR", "any"),
            metavar="FILE|DIR",
            help="A checkpoint's file or folder, or a folder of outputs.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="N", help="What to call it; default: the file's or folder's name.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="NAME|DIR|dial…", help="The data set whose test images it is scored on."),
    ] = None,
    direction: Annotated[
        Literal["A2B", "B2A"] | None,
        typer.Option("--direction", help="Of one direction's outputs, or of a checkpoint that has one."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="R", help="Of the public code that trained the checkpoint.")
    ] = None,
    sets: Sets = None,
    command: Annotated[
        str | None,
        typer.Option(
            "--command",
            metavar="'TOOL …'",
            help="For external: a tool to run once, as 'tool {input} {output}' (folders); no shell reads it.",
        ),
    ] = None,
    results: Results = options.RESULTS,
    data_root: DataRoot = options.DATA_ROOT,
    device: options.Device = options.DEVICE,
    precision: Precision = options.PRECISION,
    as_json: Json = False,
) -> None:
    """Make a run of a published checkpoint or of another tool's outputs: it is scored and tabled like any other.

    Outputs are matched to the data set's test sources by stem (photo-7.jpg to photo-7.png). A folder holds one
    direction's images (A2B, unless --direction says B2A) or subfolders A2B and B2A.

    \b
    Examples:
      ugbench import outputs --as external --name nice-gan --dataset cat2dog
      ugbench import cat2dog_params_latest.pt --as ugatit --dataset cat2dog
    """
    from ugbench import registry
    from ugbench.data.dataset_names import resolve
    from ugbench.errors import UnknownName

    known = (EXTERNAL, *registry.modules("methods"))
    if method not in known:
        raise UnknownName("method", method, known)
    found = None if dataset is None else resolve(dataset, data_root)
    if method == EXTERNAL:
        if revision is not None or sets:
            option = "--revision" if revision is not None else "--set"
            raise UsageError(f"{option} is for checkpoints, not for outputs; leave it out.")
        report = _outputs(path, name, found, direction, command, results)
    else:
        from ugbench.device import pick_device, pick_precision
        from ugbench.imports.checkpoint import ImportRequest, import_checkpoint

        if command is not None:
            raise UsageError(f"--command goes with --as {EXTERNAL}; leave it out.")
        if path is None:
            raise UsageError("FILE|DIR is missing: name a checkpoint's file, or the folder of its files.")
        wish = ImportRequest(path, method, name, found, direction, revision, options.parse_sets(sets))
        # Public code translates in float32.
        run = import_checkpoint(wish, results, pick_precision(precision, pick_device(device), auto="fp32"), say)
        say(f"run {run.id} in {run.path}: {run.config.label}, {', '.join(run.directions())}")
        report = _report(run)
    if as_json:
        print_json(report)


def _outputs(
    path: Path | None,
    name: str | None,
    dataset: DataSet | None,
    direction: Literal["A2B", "B2A"] | None,
    command: str | None,
    results: Path,
) -> dict[str, Any]:
    from ugbench.imports.external import folders_by_direction, import_outputs, match_outputs, run_tool

    if dataset is None:
        raise UsageError(f"--as {EXTERNAL} needs --dataset: outputs are matched to its test images.")
    if (path is None) == (command is None):
        raise UsageError("give either a folder of outputs, or --command with the tool that makes them.")
    if command is not None:
        if name is None:
            raise UsageError("--command needs --name: what tables call the tool.")
        source: AbstractContextManager[dict[Any, Path]] = run_tool(command, dataset, direction or "A2B")
    else:
        assert path is not None
        source = nullcontext(folders_by_direction(path, direction))
    with source as folders:
        matched = {way: match_outputs(folder, dataset, way) for way, folder in folders.items()}
        called = name or (path.resolve().name if path is not None else "")
        run = import_outputs(matched, called, dataset, results, command)
    say(f"run {run.id} in {run.path}: {run.config.label}, {', '.join(run.directions())}")
    for way, own in matched.items():
        for sentence in _sentences(way, own):
            say(sentence)
    return {
        **_report(run),
        "outputs": {
            way: {
                "images": len(own.files),
                "sources": own.n_sources,
                "size": own.size,
                "missing": list(own.missing),
                "extra": [file.name for file in own.extra],
                "odd_sized": [file.name for file in own.odd_sized],
            }
            for way, own in matched.items()
        },
    }


def _report(run: Run) -> dict[str, Any]:
    return {
        "run": run.path,
        "id": run.id,
        "method": run.config.known_as,
        "name": run.config.origin.name if run.config.origin else None,
        "directions": list(run.directions()),
    }


def _sentences(way: str, own: MatchedOutputs) -> list[str]:
    """What a reader must know of one direction's outputs."""
    size = f"{own.size} px" if isinstance(own.size, int) else f"{own.size[0]} x {own.size[1]} px"
    sentences = [f"{way}: outputs for {len(own.files)} of {own.n_sources} test images, {size}."]
    if own.missing:
        sentences.append(f"{way}: no output for {len(own.missing)}, which lowers n_fake: {_some(own.missing)}.")
    if own.extra:
        names = [file.name for file in own.extra]
        sentences.append(f"{way}: no source for {len(names)}, which are left out: {_some(names)}.")
    if own.odd_sized:
        names = [file.name for file in own.odd_sized]
        sentences.append(f"{way}: another size for {len(names)}, which are squashed to {size}: {_some(names)}.")
    return sentences


def _some(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
