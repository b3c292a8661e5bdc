"""failure.json of a run: why its training ended without being stopped. The next training removes it.

If an image could not be read, it also has the name of the file and the SHA-256 of its content, as the run's fingerprint
has it. By these `ugbench.training.repaired_image` recognises the run when the image is repaired.

A process that is killed leaves none, so its run counts as stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ugbench.data.images import UnreadableImage
from ugbench.data.known_files import hash_files
from ugbench.errors import DataError, DiskError, NonFiniteLoss, Stopped
from ugbench.runs.files import is_file
from ugbench.runs.folder import RunFolder
from ugbench.runs.json_file import read_json, write_json


@contextmanager
def record_failure(run: RunFolder) -> Iterator[None]:
    """Write RUN/failure.json if the block raises something else than Stopped; remove that of an earlier training."""
    run.failure_file.unlink(missing_ok=True)
    try:
        yield
    except Stopped:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        content = {"error": type(error).__name__, "reason": reason}
        if isinstance(error, UnreadableImage):
            with suppress(DataError):  # a file that is gone has no content
                content |= {"image": error.path.name, "sha256": hash_files([error.path])[0]}
        with suppress(DiskError):  # a full disk is a reason to fail, and must not hide it
            write_json(run.failure_file, content)
        raise


def failure_of(run: RunFolder) -> str | None:
    """Why the last training of a run failed; None if it did not.

    Raises:
        RunError: failure.json holds something else.
    """
    if not is_file(run.failure_file):
        return None
    return str(read_json(run.failure_file).get("reason"))


def stopped_at_nan(run: RunFolder) -> bool:
    """True if the last training of a run stopped because a loss or gradient became NaN or Inf. Raises RunError."""
    return is_file(run.failure_file) and read_json(run.failure_file).get("error") == NonFiniteLoss.__name__


def damaged_image(run: RunFolder) -> tuple[str, str] | None:
    """The name and the SHA-256 of the image that ended the last training of a run; None if another thing did.

    Raises:
        RunError: failure.json holds something else.
    """
    if not is_file(run.failure_file):
        return None
    content = read_json(run.failure_file)
    name, digest = content.get("image"), content.get("sha256")
    return (name, digest) if isinstance(name, str) and isinstance(digest, str) else None
