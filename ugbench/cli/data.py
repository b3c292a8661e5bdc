"""`ugbench data …`: the data sets at hand and those to be had, and the dial written as files."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ugbench.cli.command import Command, Group
from ugbench.cli.data_check import check
from ugbench.cli.data_import import import_
from ugbench.cli.options import DATA_ROOT, DataRoot, Json, path_option, takes_common
from ugbench.cli.output import print_json, print_rows, progress_callback, say
from ugbench.errors import DataError

if TYPE_CHECKING:
    from ugbench.data.dial.spec import DialSpec
    from ugbench.data.images import Progress

app = typer.Typer(cls=Group, no_args_is_help=True, help="Data sets: list, import, check; or write a dial as files.")


def list_(data_root: DataRoot = DATA_ROOT, as_json: Json = False) -> None:
    """List the data sets of the data root, how many images each split has, and the published ones to be had.

    The dial is listed too: it is drawn the first time that a command asks for it. --json has the published sets'
    source pages, licences, layouts and the paper's counts.

    \b
    Examples:
      ugbench data list
      ugbench data list --data-root ~/datasets --json
    """
    from ugbench.data.acquire import catalog
    from ugbench.data.dataset_names import list_datasets
    from ugbench.data.dial.spec import DialSpec
    from ugbench.data.splits import SPLITS

    if not data_root.is_dir():
        say(f"there is no {data_root}; --data-root or UGBENCH_DATA names another folder of data sets.")
    here = list_datasets(data_root)
    rows = [describe(data_root / name) for name in here]
    rows.append(dial_row(DialSpec()))
    rows += [row_of(known.name) for known in catalog.KNOWN if known.name not in here]
    if as_json:
        print_json(rows)
        return
    print_rows(
        ("name", *SPLITS, ""),
        [(row["name"], *(row[split] for split in SPLITS), remark(row)) for row in rows],
    )


def row_of(name: str) -> dict[str, Any]:
    """A line of the list, not yet filled: no folder, no images, and what the catalogue says of this name."""
    from ugbench.data.acquire import catalog
    from ugbench.data.splits import SPLITS

    known = catalog.find(name)
    row: dict[str, Any] = {
        "name": name,
        "root": None,
        **dict.fromkeys(SPLITS),
        "dial": None,
        "published": None,
        "error": None,
    }
    if known is not None:
        row["published"] = {**asdict(known), "command": known.command}
    return row


def describe(folder: Path) -> dict[str, Any]:
    """What the list says of a data set: images of each split (None: it lacks the split), or what is wrong."""
    from ugbench.data.datasets import open_dataset

    row = {**row_of(folder.name), "root": folder}
    try:
        found = open_dataset(folder)
        row |= {split: len(found.split(split)) for split in found.splits()}
        row["dial"] = asdict(found.dial) if found.dial is not None else None
    except DataError as error:
        # One bad folder must not hide the others.
        row["error"] = str(error)
    return row


def dial_row(spec: DialSpec) -> dict[str, Any]:
    """The dial's own line: no folder yet, and what its defaults would write."""
    counts = {"trainA": spec.train, "trainB": spec.train, "testA": spec.test, "testB": spec.test}
    return {**row_of("dial"), **counts, "dial": asdict(spec)}


def remark(row: dict[str, Any]) -> str:
    """The last column: what is wrong, how to get the data set, how its counts differ, or a dial's fields."""
    published = row["published"]
    if row["error"] or published is None:
        return row["error"] or as_text(row["dial"])
    if row["root"] is None:
        return f"not here; {published['source']}, then {published['command']}"
    differs = any(row[split] != count for split, count in published["images"].items())
    return f"the paper has {', '.join(map(str, published['images'].values()))}" if differs else ""


def as_text(dial: dict[str, Any] | None) -> str:
    """A dial's fields as they are typed; empty for other data sets."""
    return "" if dial is None else "dial:" + ",".join(f"{key}={value:g}" for key, value in dial.items())


def make(
    dial: Annotated[str, typer.Argument(metavar="DIAL", help="dial, or dial:shape=0,texture=1,size=64,train=400.")],
    output: Annotated[
        Path | None,
        path_option("--output", "folder", "DIR", "Default: its own name in the data root."),
    ] = None,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Write a dial as image files: trainA, trainB, testA and testB, the tests in pairs.

    \b
    Examples:
      ugbench data make dial
      ugbench data make dial:shape=0,texture=1,size=32 --output stripes
    """
    from ugbench.data.dataset_names import resolve
    from ugbench.data.dial.spec import parse_spec

    spec = parse_spec(dial)
    with progress_callback(f"drawing {spec.name}") as tick:
        if output is None:
            folder = resolve(dial, data_root, tick).root
        else:
            folder = output
            write_whole(spec, folder, tick)
    say(f"{spec.name} is in {folder}")
    if as_json:
        print_json({"name": spec.name, "root": folder, "dial": asdict(spec)})


def write_whole(spec: DialSpec, folder: Path, progress: Progress | None = None) -> None:
    """Write a dial into a new folder, wholly or not at all.

    Raises:
        DataError: something is there already.
    """
    from ugbench.data.dial.dataset import write_dial

    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"--output {folder}: something is there already; remove it, or name another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
        made = Path(work) / folder.name
        write_dial(spec, made, progress)
        made.rename(folder)


app.command("list", cls=Command)(takes_common(list_))
app.command("make", cls=Command)(takes_common(make))
app.command("check", cls=Command)(takes_common(check))
app.command("import", cls=Command)(takes_common(import_))
