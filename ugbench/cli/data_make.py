"""`ugbench data make`: write a dial as image files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ugbench.cli.options import DATA_ROOT, DataRoot, Json, path_option
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.errors import DataError

if TYPE_CHECKING:
    from ugbench.data.dial.spec import DialSpec
    from ugbench.data.progress import Progress


def make(
    dial: Annotated[
        str, typer.Argument(metavar="DIAL", help="A dial: dial, or dial:shape=0,texture=1,size=64,train=400.")
    ],
    output: Annotated[
        Path | None,
        path_option("--output", "folder", "DIR", "Folder to write; default: the dial's name in the data root."),
    ] = None,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Write a dial as image files: trainA, trainB, testA and testB. The test images come in pairs.

    \b
    Examples:
      ugbench data make dial
      ugbench data make dial:shape=0,texture=1,size=32 --output stripes
    """
    from ugbench.data.dataset_names import resolve
    from ugbench.data.dial.spec import parse_spec

    spec = parse_spec(dial)
    with progress_callback(f"drawing {spec.name}") as progress:
        if output is None:
            folder = resolve(dial, data_root, progress).root
        else:
            folder = output
            write_new_folder(spec, folder, progress)
    log(f"{spec.name} is in {folder}")
    if as_json:
        print_json({"name": spec.name, "root": folder, "dial": asdict(spec)})


def write_new_folder(spec: DialSpec, folder: Path, progress: Progress | None = None) -> None:
    """Write a dial into a new folder: completely, or not at all.

    Raises:
        DataError: the folder exists and is not empty, or is a file.
    """
    from ugbench.data.dial.dataset import write_dial

    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"--output {folder}: something is there already; remove it, or name another folder.")
    write_dial(spec, folder, progress)
