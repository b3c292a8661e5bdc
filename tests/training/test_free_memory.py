"""The free memory of a machine, in a container too."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ugbench.training.free_memory import free_bytes, free_machine_bytes

AVAILABLE = 8_000_000 * 1024


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable:    8000000 kB\n")
    return tmp_path


def limit(folder: Path, limit: object, used: int, cache: int, version: int = 2) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    limit_file, used_file = ("memory.max", "memory.current")
    if version == 1:
        limit_file, used_file = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    (folder / limit_file).write_text(f"{limit}\n")
    (folder / used_file).write_text(f"{used}\n")
    key = "inactive_file" if version == 2 else "total_inactive_file"
    (folder / "memory.stat").write_text(f"anon 5\n{key} {cache}\n")


def test_without_cgroups_it_is_what_the_system_says(root: Path) -> None:
    assert free_machine_bytes(root) == AVAILABLE
    (root / "proc/self/cgroup").write_text("0::/\n")
    assert free_machine_bytes(root) == AVAILABLE


def test_a_system_without_proc_does_not_say(tmp_path: Path) -> None:
    assert free_machine_bytes(tmp_path) is None


@pytest.mark.parametrize(
    ("line", "folder", "version"),
    [
        ("0::/", "sys/fs/cgroup", 2),  # in a container with a view of its own
        ("0::/job/step", "sys/fs/cgroup/job/step", 2),
        ("0::/job/step", "sys/fs/cgroup/job", 2),  # the limit of the whole job
        ("0::/docker/4f2a", "sys/fs/cgroup", 2),  # in a container that sees the host's path
        ("4:cpuset,memory:/job", "sys/fs/cgroup/memory/job", 1),
        ("4:memory:/docker/4f2a", "sys/fs/cgroup/memory", 1),
    ],
)
def test_the_limit_of_a_cgroup_counts_less_what_it_uses_and_caches_do_not_count_as_used(
    root: Path, line: str, folder: str, version: int
) -> None:
    (root / "proc/self/cgroup").write_text(f"9:name=systemd:/elsewhere\n{line}\n")
    limit(root / folder, 3_000_000_000, 900_000_000, 400_000_000, version)
    assert free_machine_bytes(root) == 2_500_000_000
    limit(root / folder, 9_000_000_000_000, 900_000_000, 0, version)
    assert free_machine_bytes(root) == AVAILABLE
    limit(root / folder, 1_000_000_000, 1_100_000_000, 0, version)
    assert free_machine_bytes(root) == 0


def test_of_two_limits_the_one_that_leaves_less_counts(root: Path) -> None:
    (root / "proc/self/cgroup").write_text("0::/job/step\n")
    limit(root / "sys/fs/cgroup/job", 4_000_000_000, 3_000_000_000, 0)
    limit(root / "sys/fs/cgroup/job/step", 2_000_000_000, 500_000_000, 0)
    assert free_machine_bytes(root) == 1_000_000_000


def test_a_cgroup_without_a_limit_leaves_all(root: Path) -> None:
    (root / "proc/self/cgroup").write_text("0::/job\n")
    limit(root / "sys/fs/cgroup/job", "max", 5, 0)
    assert free_machine_bytes(root) == AVAILABLE


def test_on_this_machine_something_is_free() -> None:
    free = free_bytes(torch.device("cpu"))
    assert free is None or 0 < free < 2**50
