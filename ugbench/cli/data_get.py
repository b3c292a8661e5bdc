"""`ugbench data get`: download a published data set."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from ugbench.cli.consent import AllowDownload, may_download
from ugbench.cli.data_import import report_import
from ugbench.cli.options import DataRoot, Json
from ugbench.cli.output import log
from ugbench.cli.published_datasets import archive_size, fetch
from ugbench.data.data_root import DATA_ROOT
from ugbench.errors import DataError, UnknownName, UsageError

if TYPE_CHECKING:
    from ugbench.data.acquire.catalog import KnownDataSet


def get(
    name: Annotated[str, Argument(metavar="NAME", help="A published data set; `ugbench data list` shows them.")],
    download: AllowDownload = False,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Download a published data set into the data root, so that --dataset NAME finds it.

    On a terminal, the address and the size of the archive are shown first, and nothing is downloaded without a yes.
    Scripts say yes with --download or UGBENCH_DOWNLOAD=1. The archive is imported as `ugbench data import` does it, and
    is removed when all images are in place. A data set that is there already is left as it is.

    The images have licences of their own; `ugbench data list --json` says what is known about them.

    \b
    Examples:
      ugbench data get horse2zebra
      ugbench data get summer2winter_yosemite --download --data-root ~/datasets
    """
    from ugbench.data.acquire import catalog
    from ugbench.data.acquire.placing import check_target
    from ugbench.data.dataset_names import list_datasets

    entry = catalog.find(name)
    if entry is None:
        raise UnknownName("published data set", name, [known.name for known in catalog.KNOWN])
    if name in list_datasets(data_root):
        report_present(name, data_root, as_json)
        return
    if not entry.address:
        raise DataError(f"{name}: no address is known from which it can be downloaded; {entry.how_to_get(data_root)}.")
    check_target(data_root / name)
    if not may_download(partial(_question, entry), download, as_json):
        raise UsageError(
            f"{entry.address}: nothing is downloaded without consent; give --download, or set UGBENCH_DOWNLOAD=1."
        )
    fetched = fetch(entry, data_root)
    if fetched is None:
        report_present(name, data_root, as_json)
        return
    origin = {"address": entry.address, "bytes": fetched.size, "sha256": fetched.sha256}
    report_import(fetched.plan, fetched.root, as_json, origin)


def _question(entry: KnownDataSet) -> str:
    log(f"licence of the images: {entry.licence}.")
    return f"download {archive_size(entry)} from {entry.address}?"


def report_present(name: str, data_root: Path, as_json: bool) -> None:
    """Say that a data set is there already, and what it holds."""
    from ugbench.cli.output import print_result
    from ugbench.data.datasets import open_dataset
    from ugbench.data.splits import SPLITS

    dataset = open_dataset(data_root / name)
    log(f"{name} is in {dataset.root} already; nothing is downloaded.")
    present = dataset.splits()
    counts = {split: len(dataset.split(split)) if split in present else 0 for split in SPLITS}
    report = {"name": name, "root": dataset.root, "images": counts, "status": "done before"}
    print_result(as_json, report, ("split", "images"), list(counts.items()))
