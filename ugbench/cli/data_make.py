"""`ugbench data make`: a dial as image files, further training images of a data set, or a data set of emoji."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from ugbench.cli.data_make_emoji import EMOJI, EmojiOptions, make_emoji
from ugbench.cli.options import DataRoot, ImageFit, ImageSize, Json, path_option
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.parse import parse_size
from ugbench.data.data_root import DATA_ROOT
from ugbench.errors import DataError, UsageError
from ugbench.fit import SQUASH, Fit
from ugbench.image_size import Size, size_text, stored_size

EDGES = "edges"


def make(
    *,
    what: Annotated[
        str,
        Argument(
            metavar="DIAL|edges|emoji",
            help="A dial, as in dial:shape=0,texture=1,size=64,train=400; edges: smoothed images of --dataset; or "
            "emoji: two families of emoji, of the packages in --from.",
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
    emoji: EmojiOptions,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Write a dial as image files, training images of a data set with smoothed edges, or a data set of emoji.

    A dial has trainA, trainB, testA and testB; its test images come in pairs. Edges are the images of trainB (or
    trainA), resized to --size (286 by default) and blurred around their edges alone, in a folder edgesB (or edgesA) of
    the data set, as CartoonGAN trains with. A training at 256 px crops from images of 286 px; for another one,
    `ugbench train` names the --size and --fit that it needs. The same command finishes what was interrupted, and makes
    the folder again if the training images have changed. It needs OpenCV: pip install opencv-python-headless.

    Emoji are drawn by several families, such as Noto (Google) and Twemoji, which draw the same ideas. Their packages
    are in npm: `npm pack emoji-datasource-google emoji-datasource-twitter`. --from names that of domain A and that of
    domain B, and --name the new data set. No idea is in trainA and in trainB, but the test images are true pairs.

    \b
    Examples:
      ugbench data make dial
      ugbench data make dial:shape=0,texture=1,size=32 --output stripes
      ugbench data make edges --dataset photo2cartoon
      ugbench data make emoji --from emoji-datasource-google.tgz,emoji-datasource-twitter.tgz --name noto2twemoji
    """
    if what == EMOJI:
        for option, value in (("--output", output), *_of_edges(dataset, domain, size, fit)):
            if value is not None:
                raise UsageError(f"{option} {value}: emoji are made of two packages; leave the option out.")
        make_emoji(emoji, data_root, as_json)
        return
    emoji.check_unused()
    if what == EDGES:
        if output is not None:
            raise UsageError("--output: edges are written into their data set; leave the option out.")
        if dataset is None:
            raise UsageError("edges: --dataset is missing; it names the data set whose images are smoothed.")
        _make_edges(dataset, domain or "B", parse_size(size), fit or SQUASH, data_root, as_json)
        return
    for option, value in _of_edges(dataset, domain, size, fit):
        if value is not None:
            raise UsageError(f"{option} {value}: only `ugbench data make edges` takes it; a dial has dial:size=….")
    if what.partition(":")[0] != "dial":
        raise UsageError(
            f"'{what}' is no dial, not edges and not emoji; write dial, dial:shape=0.5,texture=1, edges or emoji."
        )
    _make_dial(what, output, data_root, as_json)


def _of_edges(*values: str | None) -> Iterator[tuple[str, str | None]]:
    """The options of edges alone, with their values."""
    return zip(("--dataset", "--domain", "--size", "--fit"), values, strict=True)


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
