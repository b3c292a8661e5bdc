"""`ugbench import`: turn a published checkpoint, or the outputs of another tool, into a run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from ugbench.cli.options import Json, PlaceOptions, Sets
from ugbench.cli.output import log, print_json
from ugbench.cli.parse import parse_sets, path_reader
from ugbench.direction import Direction
from ugbench.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ugbench.data.datasets import DataSet
    from ugbench.imports.external import MatchedOutputs
    from ugbench.runs.run import Run


def import_(
    *,
    method: Annotated[
        str, Option("--as", metavar="METHOD", help="Method of the checkpoint; external for outputs of another tool.")
    ],
    path: Annotated[
        Path | None,
        Argument(
            parser=path_reader("FILE|DIR", "any"),
            metavar="FILE|DIR",
            help="A checkpoint's file or folder, or a folder of outputs.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        Option("--name", metavar="NAME", help="Name of the run in tables; default: the file's or folder's name."),
    ] = None,
    dataset: Annotated[
        str | None,
        Option("--dataset", metavar="NAME|DIR|dial…", help="The data set with the test images to score it on."),
    ] = None,
    direction: Annotated[
        Direction | None, Option("--direction", help="Direction of the outputs, or of a checkpoint that has only one.")
    ] = None,
    revision: Annotated[
        str | None, Option("--revision", metavar="R", help="Revision of the public code that trained the checkpoint.")
    ] = None,
    sets: Sets = None,
    command: Annotated[
        str | None,
        Option(
            "--command",
            metavar="'TOOL …'",
            help="With --as external: a tool to run once, as 'tool {input} {output}' (folders), without a shell. It is "
            "stored, without what looks like a key or password.",
        ),
    ] = None,
    place: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Turn a published checkpoint or another tool's outputs into a run, which is then scored like any other.

    Outputs are matched to the data set's test images by stem (photo-7.jpg to photo-7.png, or to photo-7_fake_B.png if
    all outputs are called so). A folder holds the images of one direction (A2B, unless --direction says B2A) or
    subfolders A2B and B2A.

    \b
    Examples:
      ugbench import outputs --as external --name nice-gan --dataset cat2dog
      ugbench import cat2dog_params_latest.pt --as ugatit --dataset cat2dog
    """
    from ugbench import registry
    from ugbench.data.dataset_names import resolve
    from ugbench.runs.run import EXTERNAL
    from ugbench.runs.secrets import REDACTED

    methods = (EXTERNAL, *registry.modules("methods"))
    if method not in methods:
        raise UnknownName("method", method, methods)
    resolved = None if dataset is None else resolve(dataset, place.data_root)
    if method == EXTERNAL:
        if revision is not None or sets:
            option = "--revision" if revision is not None else "--set"
            raise UsageError(f"{option} is for checkpoints, not for outputs; leave it out.")
        if resolved is None:
            raise UsageError(f"--as {EXTERNAL} needs --dataset: outputs are matched to its test images.")
        run, matched_by_direction = _import_outputs(path, name, resolved, direction, command, place.results)
        if run.config.origin is not None and run.config.origin.command != command:
            log(
                f"warning: parts of --command look like keys or passwords and are stored as {REDACTED}; other users of "
                "this machine could read them while the tool ran, so let it read them from a file."
            )
    else:
        from ugbench.device import pick_device, pick_precision
        from ugbench.imports.checkpoint import ImportRequest, import_checkpoint

        if command is not None:
            raise UsageError(f"--command goes with --as {EXTERNAL}; leave it out.")
        if path is None:
            raise UsageError("FILE|DIR is missing: name a checkpoint's file, or the folder of its files.")
        request = ImportRequest(path, method, name, resolved, direction, revision, parse_sets(sets))
        # auto is float32 here, because public code translates in float32.
        precision = pick_precision(place.precision, pick_device(place.device), auto="fp32")
        run, matched_by_direction = import_checkpoint(request, place.results, precision, log), {}
    log(f"run {run.id} in {run.path}: {run.config.label}, {', '.join(run.directions())}")
    for way, matched in matched_by_direction.items():
        _log_matches(way, matched)
    if as_json:
        outputs = {way: _report_matches(matched) for way, matched in matched_by_direction.items()}
        report = {
            "run": run.path,
            "id": run.id,
            "method": run.config.known_as,
            "name": run.config.origin.name if run.config.origin else None,
            "directions": list(run.directions()),
        }
        print_json({**report, "outputs": outputs} if method == EXTERNAL else report)


def _import_outputs(
    path: Path | None,
    name: str | None,
    dataset: DataSet,
    direction: Direction | None,
    command: str | None,
    results: Path,
) -> tuple[Run, dict[Direction, MatchedOutputs]]:
    from ugbench.data.folders import describe_folder, describe_splits
    from ugbench.data.splits import TEST
    from ugbench.imports.external import folders_by_direction, import_outputs, match_outputs, run_tool

    if command is not None and path is None:
        if name is None:
            raise UsageError("--command needs --name: what tables call the tool.")
        source: AbstractContextManager[dict[Direction, Path]] = run_tool(command, dataset, direction or "A2B")
    elif command is None and path is not None:
        source = nullcontext(folders_by_direction(path, direction))
        name = name or path.resolve().name
    else:
        raise UsageError("give either a folder of outputs, or --command with the tool that makes them.")
    with source as folders:
        for sentence in (*map(describe_folder, folders.values()), *describe_splits(dataset, TEST.values())):
            log(sentence)
        matched_by_direction = {way: match_outputs(folder, dataset, way) for way, folder in folders.items()}
        return import_outputs(matched_by_direction, name, dataset, results, command), matched_by_direction


def _report_matches(matched: MatchedOutputs) -> dict[str, Any]:
    return {
        "images": len(matched.files),
        "sources": matched.n_sources,
        "size": matched.size,
        "missing": list(matched.missing),
        "extra": [file.name for file in matched.extra],
        "odd_sized": [file.name for file in matched.odd_sized],
        "suffix": matched.suffix,
        "beside": [file.name for file in matched.beside],
    }


def _log_matches(way: str, matched: MatchedOutputs) -> None:
    """Log what the user must know about the outputs of one direction."""
    from ugbench.data.folders import name_some
    from ugbench.image_size import size_text

    size = f"{size_text(matched.size)} px"
    if matched.suffix:
        first = matched.files[0]
        log(
            f"{way}: {matched.suffix} is stripped from the names of all {len(matched.files)} outputs, so that they "
            f"match test images: {first.name} is stored as {matched.stored_name(first)}."
        )
    log(f"{way}: outputs for {len(matched.files)} of {matched.n_sources} test images, {size}.")
    for names, text, consequence in (
        (matched.missing, "no output", "so fewer images are scored"),
        ([file.name for file in matched.extra], "no source", "which are left out"),
        ([file.name for file in matched.odd_sized], "another size", f"which are squashed to {size}"),
    ):
        if names:
            log(f"{way}: {text} for {len(names)}, {consequence}: {name_some(names)}.")
    if matched.beside:
        names = [file.name for file in matched.beside]
        log(f"{way}: {len(names)} other files of the tool are no outputs and are left out: {name_some(names)}.")
