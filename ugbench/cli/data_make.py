"""`ugbench data make`: draw a dial as image files, or make further training images of a data set."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from ugbench.cli.options import DataRoot, ImageFit, ImageSize, Json, path_option
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.parse import parse_size
from ugbench.data.data_root import DATA_ROOT
from ugbench.errors import DataError, UsageError
from ugbench.fit import SQUASH, Fit
from ugbench.image_size import Size, size_text, stored_size

EDGES = "edges"


def make(
    what: Annotated[
        str,
        Argument(
            metavar="DIAL|edges",
            help="A dial, as in dial:shape=0,texture=1,size=64,train=400; or edges: smoothed images of --dataset.",
        ),
    ],
    output: Annotated[
        Path | None,
        path_option(
            "--output", "folder", "DIR", "Folder that a dial is written to; default: the dial's name in the data root."
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        Option("--dataset", metavar="NAME|DIR|dial…", help="Data set whose training images edges are made of."),
    ] = None,
    domain: Annotated[
        Literal["A", "B"] | None, Option("--domain", help="Domain that edges are made of; default: B.")
    ] = None,
    size: ImageSize = None,
    fit: ImageFit = None,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Write a dial as image files, or training images of a data set with smoothed edges.

    A dial has trainA, trainB, testA and testB; its test images come in pairs. Edges are the images of trainB (or
    trainA), resized to --size (286 by default) and blurred around their edges alone, in a folder edgesB (or edgesA) of
    the data set, as CartoonGAN trains with. A training at 256 px crops from images of 286 px; for another one,
    `ugbench train` names the --size and --fit that it needs. The same command finishes what was interrupted, and makes
    the folder again if the training images have changed. It needs OpenCV: pip install opencv-python-headless.

    \b
    Examples:
      ugbench data make dial
      ugbench data make dial:shape=0,texture=1,size=32 --output stripes
      ugbench data make edges --dataset photo2cartoon
    """
    if what == EDGES:
        if output is not None:
            raise UsageError("--output: edges are written into their data set; leave the option out.")
        if dataset is None:
            raise UsageError("edges: --dataset is missing; it names the data set whose images are smoothed.")
        _make_edges(dataset, domain or "B", parse_size(size), fit or SQUASH, data_root, as_json)
        return
    for option, value in (("--dataset", dataset), ("--domain", domain), ("--size", size), ("--fit", fit)):
        if value is not None:
            raise UsageError(f"{option} {value}: only `ugbench data make edges` takes it; a dial has dial:size=….")
    if what.partition(":")[0] != "dial":
        raise UsageError(f"'{what}' is no dial and not edges; write dial, dial:shape=0.5,texture=1, or edges.")
    _make_dial(what, output, data_root, as_json)


def _make_dial(dial: str, output: Path | None, data_root: Path, as_json: bool) -> None:
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


def _make_edges(text: str, domain: str, size: Size | None, fit: Fit, data_root: Path, as_json: bool) -> None:
    from ugbench.data.dataset_names import resolve
    from ugbench.data.edges import SIZE, make_edges

    size = size or SIZE
    with progress_callback("smoothing edges") as progress:
        dataset = resolve(text, data_root, progress)
        folder, count, is_new = make_edges(dataset, domain, size, progress, fit)
    done = "" if is_new else "; done before"
    log(f"{folder}: {count} image{'s' * (count != 1)} of {size_text(size)} px with smoothed edges{done}.")
    if as_json:
        report = {"name": dataset.name, "root": dataset.root, "folder": folder, "domain": domain}
        report |= {"size": stored_size(size)}
        print_json({**report, "images": count, "status": "made" if is_new else "done before"})
