"""Files of weights that a command needs: those that were given, those that are found, and, with consent, downloads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from ugbench.cli.consent import download_progress, may_download
from ugbench.cli.output import file_size, log
from ugbench.download import RemoteFile, download

ELSEWHERE = "name another folder by UGBENCH_CACHE"
MIB = 1 << 20


def complete(
    files: Mapping[str, Path],
    given: Collection[str],
    needed: Collection[str],
    welcome: Collection[str] = (),
    *,
    allowed: bool,
    as_json: bool,
) -> dict[str, Path]:
    """The given and found files, and those that are needed beside them, which are downloaded if the user consents.

    The user is asked once, for all of them. A file that nobody may download stays missing; using it raises the error
    that says what to do. Each file that was found, and not given, is logged.

    Args:
        files: from `ugbench.scoring.networks.search.with_found`.
        given: names for which --weights gave a file.
        needed: names of files, as in `--weights NAME=FILE`.
        welcome: names of further files that are used if they are there.
        allowed: value of --download.
        as_json: value of --json.
    Raises:
        DownloadError: a download failed.
    """
    from ugbench.scoring.networks.sources import published_file

    missing = {
        name: file for name in dict.fromkeys(needed) if name not in files and (file := published_file(name)) is not None
    }
    if missing and may_download(partial(_question, missing), allowed, as_json):
        files = {**files, **{name: fetch(file) for name, file in missing.items()}}
    for name in dict.fromkeys([*needed, *welcome]):
        if name in files and name not in given:
            log(f"weights of {name}: {files[name]}")
    return dict(files)


def fetch(file: RemoteFile) -> Path:
    """Download a file into the cache, with a progress bar; raises DownloadError."""
    from ugbench.scoring.networks.search import weights_folder

    with download_progress(file.name) as progress:
        return download(file, weights_folder(), progress, ELSEWHERE)


def size_text(file: RemoteFile) -> str:
    """The size of a file as far as it is known: "244 MB", or "size not stated"."""
    size = file.size if file.size is not None else approximate_bytes(file)
    return "size not stated" if size is None else file_size(size)


def approximate_bytes(file: RemoteFile) -> int | None:
    """The size of a file as its publisher rounds it, in bytes; None where it is not known."""
    return None if file.about_mib is None else round(file.about_mib * MIB)


def _question(missing: Mapping[str, RemoteFile]) -> str:
    """Asks for all files at once."""
    parts = [f"{name} ({size_text(file)}) from {file.address}" for name, file in missing.items()]
    return f"Download the weights of {' and of '.join(parts)}?"
