"""Published data sets that a command needs and that are not there: they are downloaded with the user's consent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ugbench.cli.consent import download_progress, may_download
from ugbench.cli.names import check_names
from ugbench.cli.output import file_size, log, progress_callback

if TYPE_CHECKING:
    from ugbench.data.acquire.catalog import KnownDataSet
    from ugbench.data.acquire.fetching import Fetched


def get_or_check_datasets(
    datasets: Collection[str], data_root: Path, *, allowed: bool, as_json: bool, dry_run: bool
) -> None:
    """Download the data sets that are published and not there, if the user consents, and check that all exist.

    The user is asked once, for all of them.

    Args:
        datasets: values of --dataset.
        allowed: value of --download.
        as_json: value of --json.
        dry_run: value of --dry-run, with which nothing is downloaded.
    Raises:
        UnknownName, DataError: as of `check_names`; the error for a published data set names the command that gets it.
        DownloadError: a download failed.
    """
    from ugbench.data.dataset_names import absent_published

    named = [absent_published(name, data_root) for name in dict.fromkeys(datasets)]
    absent = [entry for entry in named if entry is not None]
    if absent and not dry_run and may_download(partial(_question, absent, data_root), allowed, as_json):
        for entry in absent:
            if (fetched := fetch(entry, data_root)) is not None:
                for note in fetched.plan.notes:
                    log(note)
                log(f"{entry.name} is in {fetched.root}; `ugbench data check {entry.name}` looks at its images.")
    check_names((), datasets, data_root)


def fetch(entry: KnownDataSet, data_root: Path) -> Fetched | None:
    """Download and import a published data set with progress bars; None if another process was quicker.

    Raises:
        DownloadError, DataError, DiskError: see `ugbench.data.acquire.fetching.fetch_dataset`.
    """
    from ugbench.data.acquire.fetching import fetch_dataset

    fetched = fetch_dataset(
        entry,
        data_root,
        partial(download_progress, f"downloading {entry.archive}"),
        partial(progress_callback, f"importing {entry.name}"),
    )
    if fetched is not None:
        log(f"{entry.address}: {file_size(fetched.size)}, SHA-256 {fetched.sha256}.")
    return fetched


def archive_size(entry: KnownDataSet) -> str:
    """The size of the archive of a data set in words; its server is asked."""
    from ugbench.download import announced_size

    size = announced_size(entry.address)
    return "an archive of unknown size" if size is None else file_size(size)


def _question(absent: Sequence[KnownDataSet], data_root: Path) -> str:
    for entry in absent:
        log(f"licence of the images of {entry.name}: {entry.licence}.")
    names = " and ".join(entry.name for entry in absent)
    parts = " and ".join(f"{archive_size(entry)} from {entry.address}" for entry in absent)
    return f"{names} {'is' if len(absent) == 1 else 'are'} not in {data_root} yet; download {parts}?"
