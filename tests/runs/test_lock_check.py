"""The check of a results folder's locks: between two processes, and by how network file systems are mounted."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from ugbench.errors import DiskError, UsageError
from ugbench.runs import lock_check
from ugbench.runs.lock_check import check_locks, local_locks


def test_a_local_disk_passes_and_nothing_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    check_locks(tmp_path / "results", said.append)
    assert said == []


def test_a_lock_that_a_second_process_can_take_too_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where each machine has locks of its own: this process holds nothing that the second one sees."""

    def no_lock(file: Path, timeout: float) -> nullcontext[None]:
        file.touch()
        return nullcontext()

    monkeypatch.setattr(lock_check, "FileLock", no_lock)
    with pytest.raises(UsageError, match="two processes held one lock in it at once; mount it with locks"):
        check_locks(tmp_path, print)


def test_a_file_system_without_locks_is_refused_with_the_systems_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_check, "TRY", "raise OSError(38, 'Function not implemented')")
    with pytest.raises(UsageError, match=r"has no locks .*Function not implemented.*--print-commands"):
        check_locks(tmp_path, print)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="could not be written"):
        check_locks(tmp_path / "file" / "results", print)


MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
server:/a {home}/nfs nfs4 rw,vers=4.2,local_lock=none 0 0
server:/b {home}/nolock nfs rw,vers=3,nolock,local_lock=all 0 0
server:/c {home}/nolock/inner nfs4 rw,local_lock=none 0 0
server:/d {home}/with\\040space nfs rw,local_lock=flock 0 0
scratch@tcp:/s {home}/lustre lustre rw,flock 0 0
scratch@tcp:/s {home}/lustre-local lustre rw,localflock 0 0
short
"""


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("elsewhere/results", None),
        ("nfs/results", None),
        ("nolock/results", "nfs, nolock"),
        ("nolock/inner/results", None),
        ("nolock-beside/results", None),
        ("with space/results", "nfs, local_lock=flock"),
        ("lustre/results", None),
        ("lustre-local/results", "lustre, without flock"),
    ],
)
def test_locks_of_one_machine_alone_are_known_by_the_mount(folder: str, told: str | None, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(home=tmp_path))
    assert local_locks(tmp_path / folder, mounts) == told


def test_a_mount_with_locks_of_one_machine_is_said(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(home=tmp_path))
    said: list[str] = []
    check_locks(tmp_path / "nolock", said.append, mounts)
    assert len(said) == 1 and "locks hold on one machine alone (nfs, nolock)" in said[0] and "--only" in said[0]


def test_a_system_without_a_list_of_mounts_tells_nothing(tmp_path: Path) -> None:
    assert local_locks(tmp_path, tmp_path / "none") is None
