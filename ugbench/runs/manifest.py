"""manifest.json of a checkpoint: its step, its notes, and the size and SHA-256 of each of its files.

The manifest holds a SHA-256 of itself as well. So no byte of a checkpoint can change without being noticed: not a
digit of the step, and not a file that was taken from another checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ugbench.errors import RunError
from ugbench.runs.files import read_text
from ugbench.runs.json_file import parse_object, write_json

MANIFEST = "manifest.json"


class DamagedCheckpoint(RunError):
    """A file of a checkpoint is missing, unreadable or not what was saved.

    Attributes:
        reason: what was found where, as the beginning of a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; to fix this, give the command again that trained or imported the run.")
        self.reason = reason


@dataclass(frozen=True)
class FileRecord:
    """The size in bytes and the SHA-256 of a file of the checkpoint."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What manifest.json says.

    Attributes:
        step: how many steps were done.
        files: a record of each file by its name.
        notes: JSON values, such as the number of threads.
    """

    step: int
    files: Mapping[str, FileRecord]
    notes: Mapping[str, Any]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json into the folder of a checkpoint."""
    files = {name: vars(record) for name, record in manifest.files.items()}
    content = {"step": manifest.step, "files": files, "notes": dict(manifest.notes)}
    write_json(folder / MANIFEST, {**content, "sha256": _digest(content)})


def read_manifest(folder: Path) -> Manifest:
    """Read manifest.json in the folder of a checkpoint, whose name is the step.

    A manifest of an older version, without a SHA-256 of itself, is read as well.

    Raises:
        DamagedCheckpoint: it is missing, not as `write_manifest` wrote it, or of the checkpoint of another step.
        RunError: this user may not read it.
    """
    file = folder / MANIFEST
    try:
        text = read_text(file)
        content = parse_object(text)
        sha256 = content.pop("sha256", None)
        complete = content if sha256 is None else {**content, "sha256": sha256}
        if text != json.dumps(complete, indent=2) + "\n" or sha256 not in (None, _digest(content)):
            raise ValueError
        step, files, notes = (content.pop(name) for name in ("step", "files", "notes"))
        records = {name: FileRecord(**record) for name, record in files.items()}
        if content or not isinstance(notes, dict) or folder.name != str(step):
            raise ValueError
    except PermissionError as error:
        raise RunError(f"{file} cannot be read ({error.strerror}); let this user read it.") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RunError):
        raise DamagedCheckpoint(f"{file} is missing or damaged") from None
    return Manifest(step, records, notes)


def _digest(content: Mapping[str, Any]) -> str:
    """The SHA-256 of a manifest without its own one."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
