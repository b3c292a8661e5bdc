"""The free memory of a device, in bytes. For a CPU, limits of containers and of schedulers (cgroups) count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import torch

# The files of a cgroup's memory limit, of its usage, and the key of memory.stat for the part of the usage that is a
# cache of files, which the system gives back when memory is short: of version 2, and of version 1.
_VERSION_2 = ("memory.max", "memory.current", "inactive_file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_bytes(device: torch.device) -> int | None:
    """The free memory of a device, in bytes; for a CPU that of the machine. None where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_machine_bytes()


def free_machine_bytes(root: Path = Path("/")) -> int | None:
    """The memory that this process can still get, in bytes: the least that the system and its cgroups leave.

    None if there is no /proc/meminfo.

    Args:
        root: the folder in which `proc` and `sys` lie.
    """
    file = root / "proc/meminfo"
    if not file.exists():
        return None
    lines = dict(line.split(":", 1) for line in file.read_text(encoding="ascii").splitlines())
    return max(0, min([int(lines["MemAvailable"].split()[0]) * 1024, *_left_by_cgroups(root)]))


def _left_by_cgroups(root: Path) -> Iterator[int]:
    """What each limit leaves: that of the cgroup of this process, and those of the cgroups that hold it."""
    file = root / "proc/self/cgroup"
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mounted = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        path = PurePosixPath(name.lstrip("/"))
        # In a container the path may be that on the host, of which only the root is mounted here.
        for folder in dict.fromkeys((mounted / path, *(mounted / parent for parent in path.parents), mounted)):
            left = _left_in(folder, *(_VERSION_1 if controllers else _VERSION_2))
            if left is not None:
                yield left


def _left_in(folder: Path, limit: str, usage: str, cache: str) -> int | None:
    """What the limit of one cgroup leaves; None if it has none."""
    try:
        text = (folder / limit).read_text(encoding="ascii").strip()
        if text == "max":
            return None
        used = int((folder / usage).read_text(encoding="ascii"))
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
    except (FileNotFoundError, NotADirectoryError):  # the root of all cgroups has no limit
        return None
    return int(text) - used + int(statistics.get(cache, 0))
