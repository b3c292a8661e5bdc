"""Downloads the archive of a published data set, and imports it into the data root."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ugbench.data.acquire.catalog import KnownDataSet
from ugbench.data.acquire.importing import ImportPlan, carry_out, plan_import
from ugbench.data.acquire.placing import NoPlace, check_target
from ugbench.data.datasets import has_splits
from ugbench.data.progress import Progress
from ugbench.download import Progress as DownloadProgress
from ugbench.download import RemoteFile, acquired, download
from ugbench.errors import DataError, writing

DOWNLOADS = ".downloads"  # in the data root, where there is room for the images; hidden, so no data set


@dataclass(frozen=True)
class Fetched:
    """What `fetch_dataset` did.

    Attributes:
        root: folder of the data set.
        plan: what was imported.
        size: bytes of the archive.
        sha256: of the archive, in hex. No page states it, so it tells a reader which archive was used.
    """

    root: Path
    plan: ImportPlan
    size: int
    sha256: str


def fetch_dataset(
    entry: KnownDataSet,
    data_root: Path,
    download_progress: Callable[[], AbstractContextManager[DownloadProgress]],
    import_progress: Callable[[], AbstractContextManager[Progress]],
) -> Fetched | None:
    """Download the archive of a published data set and import it by the entry's name; then the archive is removed.

    The archive stays where it is if the data root has no room for the images, so that the next call does not download
    it again. An archive that is refused is removed. Of two processes that fetch the same data set, the second
    waits.

    Args:
        entry: a data set that has an address.
        download_progress: opens a function that is called with (bytes done, bytes in total or None).
        import_progress: opens a function that is called with (images done, images in total).
    Returns:
        What was done; None if the data set is there already.
    Raises:
        DownloadError: the archive cannot be downloaded.
        DataError: the archive is not what it should be, or the name is taken, or the data root cannot take the images.
        DiskError: the folder for the archive cannot be made.
    """
    folder = data_root / DOWNLOADS / entry.name
    lock_file = folder.with_name(f"{entry.name}.lock")
    with writing(lock_file):
        lock = acquired(lock_file, entry.name)
    with lock:
        if has_splits(data_root / entry.name):  # another process has fetched it while this one waited
            return None
        check_target(data_root / entry.name)
        try:
            with download_progress() as progress:
                archive = download(
                    RemoteFile(entry.address, entry.archive), folder, progress, "name another --data-root"
                )
            with archive.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            size = archive.stat().st_size
            plan, root = _import(archive, entry.name, data_root, import_progress)
        finally:
            if not (folder / entry.archive).is_file():
                shutil.rmtree(folder, ignore_errors=True)
    return Fetched(root, plan, size, sha256)


def _import(
    archive: Path, name: str, data_root: Path, progress: Callable[[], AbstractContextManager[Progress]]
) -> tuple[ImportPlan, Path]:
    """Import an archive, which is removed unless only the data root refuses the images."""
    try:
        plan = plan_import(archive, name)
        with progress() as progress_of_images:
            root = carry_out(plan, data_root, progress_of_images)
    except NoPlace:
        raise
    except DataError:
        archive.unlink(missing_ok=True)
        raise
    archive.unlink(missing_ok=True)
    return plan, root
