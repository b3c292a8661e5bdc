"""Where training images are stored, from their number and sizes and the memory that is free."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from drawn_images import save_flat

from ugbench.method import MethodConfig
from ugbench.training import image_place
from ugbench.training.image_place import DEVICE_SHARE, MEMORY_SHARE, ImagePlace, choose_place

CPU, GPU = torch.device("cpu"), torch.device("cuda")
CONFIG = MethodConfig(size=256)
FILES = {"trainA": [Path(f"a{n}.png") for n in range(7)], "trainB": [Path("b.png")] * 3}
NEEDED = 10 * 3 * 286**2
ENOUGH, TOO_LITTLE = NEEDED / MEMORY_SHARE, NEEDED / MEMORY_SHARE - 1
ENOUGH_ON_GPU, TOO_LITTLE_ON_GPU = NEEDED / DEVICE_SHARE, NEEDED / DEVICE_SHARE - 1


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The memory that is free on the machine and on its GPU; its eight cores, and the room in its shared memory."""
    free = SimpleNamespace(machine=10**12, gpu=10**12, cores=8, shared=10**10)
    monkeypatch.setattr(image_place, "free_machine_bytes", lambda: free.machine)
    monkeypatch.setattr(image_place, "free_bytes", lambda _device: free.gpu)
    monkeypatch.setattr(image_place, "core_count", lambda: free.cores)
    monkeypatch.setattr(image_place.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free.shared))
    return free


def test_up_to_its_share_images_are_on_the_device(free: SimpleNamespace) -> None:
    free.machine, free.gpu = ENOUGH, ENOUGH_ON_GPU
    assert choose_place(FILES, CONFIG, CPU) == choose_place(FILES, CONFIG, GPU) == ImagePlace("device", NEEDED)


def test_beyond_the_share_of_a_gpu_they_are_in_the_memory_of_the_machine(free: SimpleNamespace) -> None:
    free.machine, free.gpu = ENOUGH, TOO_LITTLE_ON_GPU
    place = choose_place(FILES, CONFIG, GPU)
    assert (place.place, place.image_bytes, place.readers) == ("memory", NEEDED, 0)
    assert place.reason == (
        "The 10 training images would take 0.0 GB, more than 25% of the 0.0 GB that are free on cuda: they stay in the "
        "memory of the machine."
    )
    assert choose_place(FILES, CONFIG, CPU).place == "device"


@pytest.mark.parametrize("device", [CPU, GPU])
def test_beyond_the_share_of_the_machine_they_are_on_the_disk(free: SimpleNamespace, device: torch.device) -> None:
    free.machine = TOO_LITTLE
    place = choose_place(FILES, CONFIG, device)
    assert (place.place, place.image_bytes, place.readers) == ("disk", NEEDED, 8)
    assert place.reason is not None
    assert place.reason.endswith("free on this machine: they are read from the disk by 8 processes ahead of each step.")


def test_where_the_system_does_not_say_what_is_free_they_are_on_the_device(free: SimpleNamespace) -> None:
    free.machine, free.gpu = None, None
    assert choose_place(FILES, CONFIG, torch.device("mps")).place == choose_place(FILES, CONFIG, GPU).place == "device"


def test_what_the_user_asks_for_counts_more_than_shares(free: SimpleNamespace) -> None:
    assert choose_place(FILES, CONFIG, GPU, "disk") == ImagePlace("disk", NEEDED, 8)
    free.machine = 1
    assert choose_place(FILES, CONFIG, GPU, "memory") == ImagePlace("device", NEEDED)
    free.gpu = 1
    assert choose_place(FILES, CONFIG, GPU, "memory").place == "memory"


def test_trainings_at_once_share_memory_and_cores(free: SimpleNamespace) -> None:
    free.machine = 3 * ENOUGH
    assert choose_place(FILES, CONFIG, CPU, jobs=3).place == "device"
    place = choose_place(FILES, CONFIG, CPU, jobs=4)
    assert (place.place, place.readers) == ("disk", 2)
    assert "are free on this machine, shared by 4 trainings: they" in str(place.reason)
    assert choose_place(FILES, CONFIG, CPU, jobs=100).readers == 1


def test_there_are_no_more_readers_than_eight_than_cores_and_than_shared_memory_has_room_for(
    free: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def readers(jobs: int = 1) -> int:
        return choose_place(FILES, MethodConfig(size=256, batch_size=4), CPU, "disk", jobs).readers

    free.cores = 64
    assert readers() == 8
    free.cores = 3
    assert readers() == 3
    two_steps = 2 * (2 * 4 * 3 * 256**2)  # of two folders
    free.shared = 2 * 2 * two_steps
    assert (readers(), readers(jobs=2)) == (2, 1)
    free.shared = 2 * two_steps - 1
    assert readers() == 0
    free.shared = 10**10
    monkeypatch.setattr(image_place.sys, "platform", "darwin")
    assert readers() == 0


def test_images_that_keep_their_proportions_are_counted_by_their_headers_and_none_is_decoded(
    free: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        save_flat(tmp_path / f"{number}.png", (40, 20))
    (tmp_path / "3.png").write_bytes(b"no image")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    files = {"trainA": sorted(tmp_path.iterdir()), "trainB": [tmp_path / "3.png"]}
    place = choose_place(files, MethodConfig(size=256, fit="crop"), CPU)
    assert place.image_bytes == 5 * 3 * 286 * 572
    alone = choose_place({"trainA": [tmp_path / "3.png"]}, MethodConfig(size=256, fit="crop"), CPU)
    assert alone.image_bytes == 3 * 286**2
