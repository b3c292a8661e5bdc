"""What `--output FILE` may replace: a file that a user named, but no file of a run or of a data set."""

from __future__ import annotations

from pathlib import Path

from ugbench.errors import RunError, UsageError


def check_output_file(output: Path | None) -> None:
    """Check that writing a file replaces none that a run or a data set needs; None passes.

    A link is followed: what counts is the file that it leads to.

    Raises:
        UsageError: the file exists, and is an image of a data set or a file of a run.
    """
    from ugbench.data.datasets import has_splits
    from ugbench.data.splits import SPLITS
    from ugbench.runs.folder import DATASET, DIFFERENCES, SCORES, VOTES

    if output is None or not output.exists():
        return
    file = output.resolve()
    folder = file.parent
    owner = None
    if folder.name.lower() in map(str.lower, SPLITS) and has_splits(folder.parent):
        owner = f"the data set {folder.parent}"
    elif file.name in (DATASET, DIFFERENCES, SCORES, VOTES):
        owner = f"the results in {folder}"
    else:
        owner = next((f"the run in {parent}" for parent in (folder, *folder.parents) if _is_run(parent)), None)
    if owner is not None:
        raise UsageError(f"--output {output}: that file belongs to {owner}; name another file.")


def check_records_file(output: Path | None) -> None:
    """Check that score records of plain folders can be appended to a file; None passes, and so does a new file.

    A link is followed.

    Raises:
        UsageError: the file exists, and holds something else than such records.
    """
    from ugbench.runs.folder import SCORES
    from ugbench.scoring import record

    if output is None or not output.is_file() or output.stat().st_size == 0:
        check_output_file(output)
        return
    file = output.resolve()
    if file.name != SCORES or any(score.run != record.FILES for score in record.read(file)):
        check_output_file(output)
    if not record.holds_records(file):
        raise UsageError(f"--output {output}: it holds something else than score records; name another file.")


def _is_run(folder: Path) -> bool:
    from ugbench.runs.folder import CONFIG
    from ugbench.runs.json_file import read_json

    try:
        return {"method", "schema_version"} <= read_json(folder / CONFIG).keys()
    except (OSError, RunError):
        return False
