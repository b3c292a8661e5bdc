"""`ugbench data make`: write a dial as image files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from typer import Argument

from ugbench.cli.options import DATA_ROOT, DataRoot, Json, path_option
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.errors import DataError


def make(
    dial: Annotated[str, Argument(metavar="DIAL", help="A dial: dial, or dial:shape=0,texture=1,size=64,train=400.")],
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
    from ugbench.data.dial.dataset import write_dial
    from ugbench.data.dial.spec import parse_spec

    spec = parse_spec(dial)
    with progress_callback(f"drawing {spec.name}") as progress:
        if output is None:
            folder = resolve(dial, data_root, progress).root
        elif not output.exists() or (output.is_dir() and not any(output.iterdir())):
            folder = output
            write_dial(spec, folder, progress)
        else:
            raise DataError(f"--output {output}: something is there already; remove it, or name another folder.")
    log(f"{spec.name} is in {folder}")
    if as_json:
        print_json({"name": spec.name, "root": folder, "dial": asdict(spec)})
