"""Names that users give: to imported runs and scored folders with `--name`, to runs with `ugbench runs rename`.

The names of `ugbench runs rename` are no part of a run's id or of its folder's path.
"""

from __future__ import annotations

from collections.abc import Iterable

from ugbench.errors import RunError, UsageError
from ugbench.runs.config_fields import NAME, NAME_RULE, is_dataset_name
from ugbench.runs.files import read_text
from ugbench.runs.folder import RunFolder
from ugbench.runs.json_file import write_text

LARGEST = 256  # bytes of a name.txt
RESERVED = ("identity", "real")  # rows of tables that are not methods


def checked_name(name: str) -> str:
    """The value of `--name`, if it can be the name of a folder and is not a row of every table.

    Raises:
        UsageError: the name cannot be used.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name}: a name has {NAME_RULE}; give another.")
    if name in RESERVED:
        raise UsageError(f"--name {name}: every table has a row of that name; give another.")
    return name


def checked_dataset_name(name: str) -> str:
    """The value of `--dataset-name`, if it can be the name of a data set's folder.

    Raises:
        UsageError: the name cannot be used.
    """
    if not is_dataset_name(name):
        raise UsageError(f"--dataset-name {name}: a name has no slash and begins with no dot or dash; give another.")
    return name


def given_name(run: RunFolder) -> str | None:
    """The name that a user gave to a run; None if there is none, or if name.txt is no file with a name."""
    try:
        name = read_text(run.name_file, LARGEST).strip()
    except (FileNotFoundError, RunError):  # every command that takes a RUN looks at the names of all runs
        return None
    return name if NAME.fullmatch(name) else None


def rename(run: RunFolder, name: str, other_names: Iterable[str], ids: Iterable[str]) -> None:
    """Give a run a name, by which commands find it from now on. Its id, its folder and its scores stay as they are.

    Args:
        other_names: names of the other runs.
        ids: of all runs.
    Raises:
        UsageError: the text cannot be a name, another run has it, or the id of a run starts with it.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"NAME {name}: a name has {NAME_RULE}; give another.")
    if name in other_names:
        raise UsageError(f"NAME {name}: another run has that name; give another.")
    if any(run_id.startswith(name) for run_id in ids):
        raise UsageError(f"NAME {name}: the id of a run starts so; give another.")
    write_text(run.name_file, name + "\n")
