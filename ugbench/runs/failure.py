"""failure.json of a run: why its training ended without being stopped. The next training removes it.

A process that is killed leaves none, so its run counts as stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ugbench.errors import DiskError, NonFiniteLoss, Stopped
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
        with suppress(DiskError):  # a full disk is a reason to fail, and must not hide it
            write_json(run.failure_file, {"error": type(error).__name__, "reason": reason})
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
    """True if the last training of a run stopped because a loss or gradient became NaN or Inf. Raises as above."""
    return is_file(run.failure_file) and read_json(run.failure_file).get("error") == NonFiniteLoss.__name__
