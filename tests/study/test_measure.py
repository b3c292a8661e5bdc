"""Several runs of a study must fit into the memory of each device that they are spread over."""

from __future__ import annotations

import pytest
import torch

from ugbench.errors import UsageError
from ugbench.study import measure, runner
from ugbench.study.grid import Arm

GIB = 2**30
FREE = {0: 40 * GIB, 1: 10 * GIB, 2: 12 * GIB}
MEASURED = {
    Arm("ugatit", None): {"peak_memory_bytes": 6 * GIB},
    Arm("cut", None): {"peak_memory_bytes": 2 * GIB},
}


@pytest.fixture(autouse=True)
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(FREE))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (FREE[device.index], 80 * GIB))


@pytest.mark.parametrize(
    ("device", "jobs", "names"),
    [
        ("cuda", 4, ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda", 1, ["cuda"]),
        ("cuda:2", 4, ["cuda:2"]),
        ("cpu", 4, ["cpu"]),
    ],
)
def test_several_jobs_are_spread_over_all_gpus_unless_one_is_named(device: str, jobs: int, names: list[str]) -> None:
    assert runner.devices(torch.device(device), jobs) == names


@pytest.mark.parametrize(
    ("device", "jobs", "refusal"),
    [
        ("cuda", 3, None),
        ("cuda:2", 2, None),
        ("cuda:0", 6, None),
        ("cuda", 5, "cuda:1, which would train 2 at once; give --jobs 3"),
        ("cuda:2", 3, "12.0 GiB are free on cuda:2, which would train 3 at once; give --jobs 2"),
        ("cuda:1", 9, "give --jobs 1"),
    ],
)
def test_each_gpu_needs_room_for_its_own_share_of_the_jobs(device: str, jobs: int, refusal: str | None) -> None:
    devices = runner.devices(torch.device(device), jobs)
    if refusal is None:
        measure.check_memory(jobs, MEASURED, devices)
        return
    with pytest.raises(UsageError, match=f"--jobs {jobs}: a run takes up to 6.0 GiB.*{refusal}"):
        measure.check_memory(jobs, MEASURED, devices)


def test_where_the_system_tells_no_peak_nothing_is_refused() -> None:
    measure.check_memory(100, {Arm("ugatit", None): {"peak_memory_bytes": None}}, ["cuda:1"])
