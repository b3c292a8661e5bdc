"""A folder in which a program is given bad input, and a look at everything around it that must stay as it was.

ROOM/work/      the working folder, a copy of a template with good input
ROOM/home/      HOME, with a start-up file of a shell
ROOM/tmp/       TMPDIR; a program that was not killed leaves it empty
ROOM/outside/   files that bad input may point at
"""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

PRIVATE = "private.txt"
CACHE = "cache"  # a folder of work/ for features and for hashes of files, which every command may write
LOCKS = (".lock", ".outputs.lock")  # empty files that every command that waits for a run makes
Snapshot = dict[str, tuple[object, ...]]
"""The kind, size and time of change of each path below a folder, and where a link leads."""


class Room:
    """A room in `folder`; `work` is its working folder, and `template` the good input, which no program sees."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work, self.template = folder, folder / "work", folder.with_name(f"{folder.name}-template")
        for name in ("work", "home", "tmp", "outside"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "home" / ".profile").write_text("export PATH\n", encoding="utf-8")
        (folder / "outside" / PRIVATE).write_text("private\n", encoding="utf-8")

    def env(self) -> dict[str, str]:
        """The environment of a program in this room."""
        return {
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "UGBENCH_CACHE": str(self.work / CACHE),
        }

    def keep_as_template(self) -> None:
        """Take what is in work/ now as the good input."""
        shutil.copytree(self.work, self.template, symlinks=True)

    def renew(self) -> None:
        """Make work/ what the template is, and tmp/ empty. Only what differs is copied, because that is fast."""
        shutil.rmtree(self.folder / "tmp")
        (self.folder / "tmp").mkdir()
        good = snapshot(self.template)
        for path in changes(good, snapshot(self.work)):
            remove(self.work / path)
        present = snapshot(self.work)
        for path in sorted(good.keys() - present.keys()):
            source = self.template / path
            if source.is_dir() and not source.is_symlink():
                (self.work / path).mkdir()
            else:
                shutil.copy2(source, self.work / path, follow_symlinks=False)

    def around(self, written: tuple[str, ...] = ()) -> Snapshot:
        """A snapshot of everything in the room but what may be written: files and folders of work/."""
        folders = tuple(f"work/{name}" for name in written)
        return {
            path: state
            for path, state in snapshot(self.folder).items()
            if path not in folders and not path.startswith(tuple(f"{name}/" for name in folders))
        }


def snapshot(folder: Path) -> Snapshot:
    """A snapshot of a folder, by paths relative to it; locks are left out."""
    seen: Snapshot = {}
    for path in folder.rglob("*"):
        if path.name not in LOCKS:
            status = path.lstat()
            # A folder's time changes with what is in it, which is listed itself.
            size_and_time = () if stat.S_ISDIR(status.st_mode) else (status.st_size, status.st_mtime_ns)
            leads_to = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else ""
            seen[str(path.relative_to(folder))] = (stat.S_IFMT(status.st_mode), *size_and_time, leads_to)
    return seen


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """The paths that are new, gone or other."""
    return sorted(path for path in {*before, *after} if before.get(path) != after.get(path))


def remove(path: Path) -> None:
    """Remove a file, a link or a folder; a path that has gone with its folder is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
