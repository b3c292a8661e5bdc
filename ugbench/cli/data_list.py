"""`ugbench data list`: the data sets of the data root, and the published ones with how to get them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ugbench.cli.options import DataRoot, Json
from ugbench.cli.output import log, print_result
from ugbench.data.data_root import DATA_ROOT
from ugbench.errors import DataError


def list_(data_root: DataRoot = DATA_ROOT, as_json: Json = False) -> None:
    """List the data sets of the data root with the images of each split, and the published data sets.

    The dial is listed too: it is drawn the first time that a command asks for it. `ugbench data get` downloads many of
    the published ones. --json adds the source page, address, licence, layout and the paper's number of images of each.

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
        log(f"there is no {data_root}; --data-root or UGBENCH_DATA names another folder of data sets.")
    names = list_datasets(data_root)
    dial = DialSpec()  # with its default settings, and no folder yet
    counts = {"trainA": dial.train, "trainB": dial.train, "testA": dial.test, "testB": dial.test}
    rows = [describe(name, data_root) for name in names]
    rows.append({**row_of("dial", data_root), **counts, "paired": True, "dial": asdict(dial)})
    rows += [row_of(published.name, data_root) for published in catalog.KNOWN if published.name not in names]
    lines = [(row["name"], *(row[split] for split in SPLITS), remark(row)) for row in rows]
    print_result(as_json, rows, ("name", *SPLITS, ""), lines)


def row_of(name: str, data_root: Path) -> dict[str, Any]:
    """A row of the list without a folder and images, with the catalogue's entry for this name where there is one."""
    from ugbench.data.acquire import catalog
    from ugbench.data.splits import SPLITS

    entry = catalog.find(name)
    published = None
    if entry is not None:
        how = {"command": entry.command(data_root), "how_to_get": entry.how_to_get(data_root)}
        published = {**asdict(entry), **how}
    return {"name": name, **dict.fromkeys(("root", *SPLITS, "dial", "paired")), "published": published, "error": None}


def describe(name: str, data_root: Path) -> dict[str, Any]:
    """The row of a data set: the number of images of each split (None: it has no such split), or its error."""
    from ugbench.data.datasets import open_dataset

    folder = data_root / name
    row = {**row_of(name, data_root), "root": folder}
    try:
        dataset = open_dataset(folder, data_root)
        row |= {split: len(dataset.split(split)) for split in dataset.splits()}
        row["paired"] = dataset.paired
        row["dial"] = asdict(dataset.dial) if dataset.dial is not None else None
    except DataError as error:
        # One damaged folder must not hide the others.
        row["error"] = str(error)
    return row


def remark(row: dict[str, Any]) -> str:
    """The last column: the error, how to get the data set, other counts in the paper, a dial's settings, or pairs."""
    published = row["published"]
    if row["error"] or published is None:
        return row["error"] or as_text(row["dial"]) or ("test images are pairs" if row["paired"] else "")
    if row["root"] is None:
        return f"not here; {published['how_to_get']}"
    paper = published["images"] or {}
    differs = any(row[split] != count for split, count in paper.items())
    return f"the paper has {', '.join(map(str, paper.values()))}" if differs else ""


def as_text(dial: dict[str, Any] | None) -> str:
    """The settings of a dial in the form that --dataset takes; empty for other data sets."""
    return "" if dial is None else "dial:" + ",".join(f"{key}={value:g}" for key, value in dial.items())
