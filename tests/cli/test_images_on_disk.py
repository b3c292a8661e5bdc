"""`ugbench train --images disk`: the bits of images in memory, whatever ends the training or its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import call_in
from drawn_images import draw_noise

from ugbench.data.images import read_image
from ugbench.runs import checkpoint
from ugbench.runs.failure import failure_of
from ugbench.runs.run import Run, find_run, list_runs

STEPS = 24
IMAGES = 12
TRAIN = ["train", "cyclegan", "--dataset", "photos", "--preset", "smoke", "--size", "32", "--batch-size", "1"]
TRAIN += ["--set", "channels=4,blocks=1,discriminator_channels=4", "--steps", str(STEPS)]
TRAIN += ["--save-every", "10", "--log-every", "1", "--sample-every", "1000"]


def make_photos(home: Path) -> Path:
    for number, folder in enumerate(("trainA", "trainB", "testA", "testB")):
        draw_noise(home / "datasets" / "photos" / folder, number, IMAGES if number < 2 else 1)
    return home / "datasets" / "photos"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_photos(tmp_path)


def results_of(run: Run) -> tuple[str, str, bytes]:
    """The id of a run, the digest of its last state, and its log."""
    parts = checkpoint.load(run.checkpoint(STEPS)).parts
    state = {f"{part}/{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
    return run.id, checkpoint.digest(state), run.metrics_file.read_bytes()


def the_run(home: Path) -> Run:
    (run,) = list_runs(home / "results")
    return run


@pytest.fixture(scope="module")
def in_memory(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, bytes]:
    home = tmp_path_factory.mktemp("memory")
    make_photos(home)
    assert "read from the disk" not in call_in(home, *TRAIN).stderr
    return results_of(the_run(home))


def start(home: Path) -> subprocess.Popen[str]:
    """Training from the disk in a session of its own, so that its whole group can get a signal."""
    command = [sys.executable, "-m", "ugbench", *TRAIN, "--images", "disk", "--device", "cpu"]
    command += ["--results", str(home / "results"), "--data-root", str(home / "datasets")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "UGBENCH_CACHE": str(home / "cache")}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=environment, start_new_session=True, **streams)  # type: ignore[call-overload, no-any-return]


def readers_of(process: subprocess.Popen[str]) -> list[int]:
    """The ids of the processes that read images."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    names = {int(child): Path(f"/proc/{child}/comm").read_text().strip() for child in children}
    return [child for child, name in names.items() if name == "pt_data_worker"]


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    try:
        return "zombie" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_steps(home: Path, process: subprocess.Popen[str], steps: int) -> list[int]:
    """Wait until so many steps are logged; returns the readers of the training."""
    while True:
        logs = list((home / "results").glob("*/*/*/metrics.jsonl"))
        if logs and len(logs[0].read_bytes().splitlines()) >= steps:
            return readers_of(process)
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.001)


def test_images_on_the_disk_give_the_run_of_images_in_memory(
    photos: Path, tmp_path: Path, in_memory: tuple[str, str, bytes]
) -> None:
    call_in(tmp_path, *TRAIN, "--images", "disk")
    assert results_of(the_run(tmp_path)) == in_memory
    assert "done before" in call_in(tmp_path, *TRAIN, "--images", "memory").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_for_the_whole_group_saves_with_75_and_leaves_no_process(
    photos: Path, tmp_path: Path, in_memory: tuple[str, str, bytes], number: int
) -> None:
    process = start(tmp_path)
    readers = wait_for_steps(tmp_path, process, 5)
    assert readers
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75, err
    assert "stopped and saved at step" in err and "Traceback" not in err
    assert not any(map(is_alive, readers))
    call_in(tmp_path, *TRAIN, "--images", "disk")
    assert results_of(the_run(tmp_path)) == in_memory


def test_the_readers_of_a_killed_training_end_with_it_and_free_its_run(
    photos: Path, tmp_path: Path, in_memory: tuple[str, str, bytes]
) -> None:
    process = start(tmp_path)
    readers = wait_for_steps(tmp_path, process, 12)
    assert readers
    try:
        for reader in readers:
            os.kill(reader, signal.SIGSTOP)  # so that they do not notice by themselves
        process.kill()
        process.wait()
        patience = 600
        while any(map(is_alive, readers)) and patience:
            time.sleep(0.1)
            patience -= 1
        assert not any(map(is_alive, readers))
    finally:
        for reader in filter(is_alive, readers):
            os.kill(reader, signal.SIGKILL)
        process.communicate()
    call_in(tmp_path, *TRAIN, "--images", "disk")
    assert results_of(the_run(tmp_path)) == in_memory


def test_a_killed_reader_ends_the_training_saved_and_the_same_command_goes_on(
    photos: Path, tmp_path: Path, in_memory: tuple[str, str, bytes]
) -> None:
    process = start(tmp_path)
    for reader in wait_for_steps(tmp_path, process, 5):
        os.kill(reader, signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "error: a process that reads images has ended (" in err and "Traceback" not in err
    run = the_run(tmp_path)
    step = run.step()
    assert step >= 5 and f"stopped and saved at step {step} of {STEPS}" in err
    assert "a process that reads images has ended" in str(failure_of(run))
    said = call_in(tmp_path, *TRAIN, "--images", "disk").stderr
    assert f"training goes on from step {step}" in said
    assert results_of(the_run(tmp_path)) == in_memory


def damage(image: Path) -> bytes:
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    return whole


def test_a_damaged_image_ends_the_training_saved_and_repaired_the_same_command_goes_on(
    photos: Path, tmp_path: Path, in_memory: tuple[str, str, bytes]
) -> None:
    image = photos / "trainB" / "1.png"
    whole = damage(image)
    said = call_in(tmp_path, *TRAIN, "--images", "disk", code=2).stderr
    damaged = the_run(tmp_path)
    assert 0 < damaged.step() < IMAGES
    assert f"stopped and saved at step {damaged.step()} of {STEPS}; once this is repaired, the same command" in said
    assert f"error: {image}: not a readable image (" in said
    assert str(image) in str(failure_of(damaged))
    again = call_in(tmp_path, *TRAIN, "--images", "disk", code=2).stderr
    assert f"training goes on from step {damaged.step()} of" in again

    image.write_bytes(whole)
    said = call_in(tmp_path, *TRAIN, "--images", "disk").stderr
    assert f"trainB/1.png is another image than in run {damaged.id}, which ended at it" in said
    assert f"training goes on from step {damaged.step()} of {STEPS}." in said
    run = find_run(in_memory[0], tmp_path / "results")
    assert results_of(run) == in_memory
    assert "done before" in call_in(tmp_path, *TRAIN).stderr


@pytest.mark.parametrize("change", ["another image too", "one image less", "restart", "another seed"])
def test_a_run_with_other_images_or_options_begins_at_its_first_step(photos: Path, tmp_path: Path, change: str) -> None:
    image = photos / "trainB" / "1.png"
    whole = damage(image)
    call_in(tmp_path, *TRAIN, "--images", "disk", code=2)
    image.write_bytes(whole)
    options: list[str] = []
    if change == "another image too":
        read_image(photos / "trainA" / "0.png").rotate(90).save(photos / "trainA" / "0.png")
    elif change == "one image less":
        image.unlink()
    else:
        options = ["--restart"] if change == "restart" else ["--seed", "1"]
    assert "goes on" not in call_in(tmp_path, *TRAIN, "--images", "disk", *options).stderr


def test_an_image_that_goes_while_a_run_trains_is_named_and_back_in_place_it_goes_on(
    photos: Path, tmp_path: Path, in_memory: tuple[str, str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ugbench.training import loop

    image = photos / "trainB" / "1.png"
    whole, train = image.read_bytes(), loop.train

    def train_without(*given: Any) -> Any:
        image.unlink()
        return train(*given)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", train_without)
        said = call_in(tmp_path, *TRAIN, "--images", "disk", code=2).stderr
    assert f"error: {image}: not a readable image (No such file or directory)" in said
    image.write_bytes(whole)
    call_in(tmp_path, *TRAIN, "--images", "disk")
    assert results_of(the_run(tmp_path)) == in_memory


def test_skip_bad_finds_damaged_images_before_the_first_step(photos: Path, tmp_path: Path) -> None:
    damage(photos / "trainB" / "1.png")
    said = call_in(tmp_path, *TRAIN, "--images", "disk", "--skip-bad").stderr
    assert "trainB/1.png is skipped: not a readable image (" in said
    assert the_run(tmp_path).config.dataset.images == {"trainA": IMAGES, "trainB": IMAGES - 1}  # type: ignore[union-attr]


def test_beyond_half_of_the_free_memory_images_stay_on_the_disk_and_a_sentence_says_so(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 2 * IMAGES * 3 * 36**2
    for free, jobs, on_disk in ((2 * needed, 1, False), (2 * needed - 2, 1, True), (4 * needed - 2, 2, True)):
        monkeypatch.setattr("ugbench.training.image_place.free_machine_bytes", lambda free=free: free)
        said = call_in(tmp_path, *TRAIN, "--seed", free, "--jobs", jobs).stderr
        assert ("training images would take" in said) is on_disk
        planned = json.loads(call_in(tmp_path, *TRAIN, "--jobs", jobs, "--dry-run", "--json").stdout)
        assert planned["images"] == ("disk" if on_disk else "device")
        assert planned["images_bytes"] == needed


def test_a_place_that_does_not_exist_is_refused(photos: Path, tmp_path: Path) -> None:
    said = call_in(tmp_path, *TRAIN, "--images", "tape", code=2).stderr
    assert "tape" in said and "auto" in said and "disk" in said
