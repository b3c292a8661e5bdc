"""The folder that `ugbench translate` writes to: no input and no file of somebody else is ever replaced.

translation.json in the folder lists the files that translations have written there, with the SHA-256 of each (null
while it is being written). A later translation replaces these files, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ugbench.data.known_files import hash_files
from ugbench.errors import UsageError
from ugbench.runs.files import is_file
from ugbench.runs.json_file import make_folder, read_json, write_json

NOTE = "translation.json"
SHOWN = 3  # names in an error


def check_output_folder(folder: Path, inputs: Sequence[Path], names: Sequence[str]) -> None:
    """Check, before anything is written, that a translation replaces nothing but files of earlier translations.

    Args:
        inputs: the image files that are translated.
        names: the files that will be written, relative to `folder`.
    Raises:
        UsageError: the folder, or a folder in it that is written to, is that of an input, also by a link; a file is a
            link or an input; or a file lies there that no translation wrote, or that was changed since.
    """
    input_folders = {path.parent.resolve(): path.parent for path in inputs}
    for target_folder in dict.fromkeys((folder / name).parent for name in names):
        if target_folder.resolve() in input_folders:
            raise UsageError(
                f"--output {folder}: outputs would be written to {target_folder}, where the inputs are; name another "
                "folder."
            )
    files = [folder / name for name in names]
    for file in (*files, folder / NOTE):
        if file.is_symlink():
            raise UsageError(f"--output {folder}: {file} is a link; remove it, or name another folder.")
    present = [name for name, file in zip(names, files, strict=True) if file.exists()]
    input_files = {_identity(path) for path in inputs}
    for name in present:
        if _identity(folder / name) in input_files:
            raise UsageError(f"--output {folder}: {folder / name} is an input; name another folder.")
    if foreign := _foreign(folder, present):
        shown = ", ".join(foreign[:SHOWN]) + (f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else "")
        raise UsageError(
            f"--output {folder}: {shown} would be replaced, and no translation wrote that, or it was changed since; "
            "remove it, or name another folder."
        )


@contextmanager
def translation_note(folder: Path, names: Sequence[str], facts: Mapping[str, Any]) -> Iterator[None]:
    """Write translation.json around a `with` block that writes these files, also if the block ends with an error.

    Args:
        names: the files, relative to `folder`; those that are missing after the block are left out.
        facts: what the files were made with.
    """
    make_folder(folder)
    files = {**_written(folder), **dict.fromkeys(names)}
    write_json(folder / NOTE, {**facts, "files": files})
    try:
        yield
    finally:
        present = [name for name in files if (folder / name).is_file()]
        new = [name for name in present if files[name] is None]
        files |= dict(zip(new, hash_files([folder / name for name in new]), strict=True))
        if present:
            write_json(folder / NOTE, {**facts, "files": {name: files[name] for name in present}})
        else:
            (folder / NOTE).unlink()


def _foreign(folder: Path, present: Sequence[str]) -> list[str]:
    """Those of the present files that no translation wrote, or that have been changed since."""
    written = _written(folder)
    listed = [name for name in present if written.get(name) is not None]
    digests = dict(zip(listed, hash_files([folder / name for name in listed]), strict=True))
    unfinished = {name for name, digest in written.items() if digest is None}
    return [name for name in present if name not in unfinished and digests.get(name, "") != written.get(name)]


def _written(folder: Path) -> dict[str, str | None]:
    """The files that translation.json lists, with their SHA-256; empty if there is none.

    Raises:
        UsageError: it is another file of that name.
    """
    note = folder / NOTE
    if not is_file(note):
        return {}
    files = read_json(note).get("files")
    if not isinstance(files, dict):
        raise UsageError(f"--output {folder}: no translation wrote {note}; remove it, or name another folder.")
    return dict(files)


def _identity(path: Path) -> tuple[int, int]:
    """What two names of one file have in common."""
    status = path.stat()
    return status.st_dev, status.st_ino
