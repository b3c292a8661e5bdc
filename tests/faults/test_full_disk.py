"""A full disk ends a training in one sentence, keeps its checkpoints, and is no obstacle once there is space."""

from pathlib import Path

from full_disk import limited_files
from processes import Server

LIMITS = (1_000, 4_000, 100_000, 300_000)  # bytes that a file may have: logs, then weights and checkpoints


def test_nothing_is_lost_when_a_file_cannot_grow(tmp_path: Path, server: Server) -> None:
    report = limited_files(LIMITS, tmp_path, server)
    assert report.limits == list(LIMITS)
    assert report.faults == []
