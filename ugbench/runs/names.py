"""Names that users give to runs with `ugbench runs rename`. They are no part of a run's id or of its folder's path."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ugbench.errors import UsageError
from ugbench.runs.folder import RunFolder
from ugbench.runs.json_file import write_text

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


def given_name(run: RunFolder) -> str | None:
    """The name that a user gave to a run; None if there is none, or if name.txt holds something else."""
    if not run.name_file.is_file():
        return None
    with run.name_file.open("rb") as stream:
        name = stream.read(65).decode("ascii", "replace").strip()
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
        raise UsageError(
            f"NAME {name}: a name has at most 64 letters, digits, dots, dashes, plus signs and underscores, and begins "
            "with a letter or digit; give another."
        )
    if name in other_names:
        raise UsageError(f"NAME {name}: another run has that name; give another.")
    if any(run_id.startswith(name) for run_id in ids):
        raise UsageError(f"NAME {name}: the id of a run starts so; give another.")
    write_text(run.name_file, name + "\n")
