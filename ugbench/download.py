"""Published files: what is known about each, how a file is downloaded, and whether a file is the published one.

Nothing here asks for consent; commands do that (`ugbench.cli.consent`).
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from filelock import FileLock, Timeout

from ugbench.errors import DownloadError

if TYPE_CHECKING:
    from requests import Response

CHUNK = 1 << 20  # bytes
PATIENCE = 30.0  # seconds in which a server must accept a connection, or send the next bytes
# A page that says "sign in" or "not found" with status 200 begins like this.
HTML_BEGINNINGS = (b"<!doctype html", b"<html")

Progress = Callable[[int, int | None], None]
"""Takes (bytes done, number of bytes); the second is None if the server does not tell it."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        address: from which it is fetched, http or https.
        name: under which it is stored.
        size: in bytes; None where it is not known.
        sha256: its SHA-256 in hex, or the first digits of it where no more are known; empty where none are.
        about_mib: its size in MiB as its publisher rounds it, shown to people only; None where it is not known.
    Raises:
        ValueError: the address is not http or https, the name is no plain file name, or the digits are not hex.
    """

    address: str
    name: str
    size: int | None = None
    sha256: str = ""
    about_mib: float | None = None

    def __post_init__(self) -> None:
        if not self.address.startswith(("http://", "https://")):
            raise ValueError(f"the address '{self.address}' begins neither with http:// nor with https://")
        if not self.name or self.name.startswith(".") or "/" in self.name or "\\" in self.name:
            raise ValueError(f"'{self.name}' is no plain name of a file")
        if len(self.sha256) > 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ValueError(f"'{self.sha256}' is not the beginning of a SHA-256 in lower-case hex")


def download(
    file: RemoteFile, folder: Path, progress: Progress | None = None, elsewhere: str = "name another folder"
) -> Path:
    """Fetch a file into a folder, which is made if it is missing; a file that is there and fits is not fetched again.

    The bytes go into a temporary file, which is renamed when all bytes came and agree with everything that `file` says.
    So a file with this name is always whole. Of two processes that fetch the same file, the second waits for the first.
    A file of that name that does not fit is replaced.

    Args:
        progress: called after each part.
        elsewhere: how another place for the file is chosen, for errors of the disk: "name another --data-root".
    Returns:
        The path of the file.
    Raises:
        DownloadError: no server answers, it answers with an error or a web page, it sends less than it announced or
            another file, or the disk refuses the file. Nothing is left under the name of the file.
    """
    target = folder / file.name
    try:
        with acquired(folder / f"{file.name}.lock", file.address):
            if not target.is_file() or fault(target, file) is not None:
                _fetch(file, target, progress)
    except OSError as error:
        reason = (error.strerror or str(error) or type(error).__name__).rstrip(".")
        raise DownloadError(
            f"{file.address} could not be stored as {target} ({reason}); free space on its disk, allow writing there, "
            f"or {elsewhere}."
        ) from error
    return target


def acquired(lock_file: Path, what: str) -> AbstractContextManager[object]:
    """A lock that this process holds until the end of its `with` block; its folder is made, and the empty file stays.

    Args:
        what: what is fetched, for the message that another process fetches it.
    Raises:
        OSError: the lock cannot be made.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        _logger.info("another process fetches %s; waiting for it.", what)
        return lock.acquire()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fault(path: Path, file: RemoteFile, sha256: Callable[[Path], str] = sha256_of) -> str | None:
    """Why a file on the disk is not the published one, as a clause; None if it agrees with all that is known.

    Args:
        sha256: gives the SHA-256 of the file; it is called only if digits of it are known.
    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        if stream.read(64).lstrip().lower().startswith(HTML_BEGINNINGS):
            return "it is a web page"
        size = os.fstat(stream.fileno()).st_size
        if file.size is not None and size != file.size:
            return f"it has {size:,} bytes, and the published file has {file.size:,}"
    digest = sha256(path) if file.sha256 else ""
    if digest.startswith(file.sha256):
        return None
    known = len(file.sha256)
    begins = "is" if known == 64 else "begins with"
    return f"its SHA-256 {begins} {digest[:known]}, and that of the published file {begins} {file.sha256}"


def announced_size(address: str) -> int | None:
    """The number of bytes that a server announces for a file; None if it is not reached or does not tell."""
    import requests

    try:
        headers = {"Accept-Encoding": "identity"}
        with requests.get(address, stream=True, timeout=PATIENCE, headers=headers) as response:
            return _length(response) if response.status_code == 200 else None
    except requests.exceptions.RequestException:
        return None


def _fetch(file: RemoteFile, target: Path, progress: Progress | None) -> None:
    """Write the file, whole, or raise DownloadError or OSError."""
    # Under the lock there is one writer, so a file that a killed process left has the same name, and is overwritten.
    beside = target.with_name(f"{target.name}.part")
    try:
        with beside.open("wb") as stream:
            _receive(file, stream, target, progress)
            stream.flush()
            os.fsync(stream.fileno())
        if (reason := fault(beside, file)) is not None:
            raise _refusal(file, target, f"what came is not the published file: {reason}")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _receive(file: RemoteFile, stream: BinaryIO, target: Path, progress: Progress | None) -> None:
    """Write all bytes that the server sends.

    Raises:
        DownloadError: the server is not reached, answers with something else, or stops before the end.
    """
    import requests  # here, because listing files must not wait for it

    try:
        # A file that is compressed for the transfer would have another length than the server announces.
        headers = {"Accept-Encoding": "identity"}
        with requests.get(file.address, stream=True, timeout=PATIENCE, headers=headers) as response:
            if (reason := _fault_of_answer(response, file)) is not None:
                raise _refusal(file, target, reason)
            length, done = _length(response), 0
            for part in response.iter_content(CHUNK):
                stream.write(part)
                done += len(part)
                if progress is not None:
                    progress(done, length)
    except requests.exceptions.RequestException as error:
        raise _refusal(file, target, _reason(error)) from error
    if length is not None and done != length:
        raise _refusal(file, target, f"the connection ended after {done:,} of {length:,} bytes")


def _fault_of_answer(response: Response, file: RemoteFile) -> str | None:
    """What is wrong with an answer, before its bytes are read; None if nothing is."""
    if response.status_code != 200:
        return f"the server answers with status {response.status_code} ({response.reason or 'no reason given'})"
    if response.headers.get("Content-Type", "").startswith("text/html"):
        return "the server answers with a web page"
    length = _length(response)
    if file.size is not None and length not in (None, file.size):
        return f"the server offers {length:,} bytes, and the published file has {file.size:,}"
    ends_by_itself = length is not None or "Transfer-Encoding" in response.headers
    if not ends_by_itself and file.size is None and not file.sha256:
        return "the server does not tell how many bytes the file has, so a part of it would pass for the whole"
    return None


def _length(response: Response) -> int | None:
    """The number of bytes that the server announces; None if it announces none, or if the answer is compressed."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() and "Content-Encoding" not in response.headers else None


def _reason(error: Exception) -> str:
    """Why requests gave up, in words."""
    import requests

    if isinstance(error, requests.exceptions.Timeout):
        return f"the server sent nothing for {PATIENCE:.0f} seconds"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not accepted"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "there is no connection to the server, or it was lost"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection ended before the whole file came"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return "the server redirects without end"
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def _refusal(file: RemoteFile, target: Path, reason: str) -> DownloadError:
    return DownloadError(
        f"{file.address} could not be downloaded: {reason}; try again later, or fetch the file in another way and save "
        f"it as {target}."
    )
