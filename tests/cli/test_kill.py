"""A training process killed outright, some times inside a save, ends as one that was left alone."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ugbench.runs import checkpoint

STEPS = 40
COMMAND = [sys.executable, "-c", "from ugbench.cli.app import main; main()"]
TRAIN = ["train", "cyclegan", "--dataset", "dial:size=32,train=6,test=2", "--preset", "smoke", "--size", "32"]
TRAIN += ["--set", "channels=4", "--steps", str(STEPS), "--save-every", "1", "--log-every", "1", "--json"]


def start(folder: Path, terminal: int | None = None) -> subprocess.Popen[str]:
    """Start training; with `terminal` as the first process of a session on that terminal, which gets its messages."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    options = [
        "--results",
        str(folder / "results"),
        "--data-root",
        str(folder / "datasets"),
        "--device",
        "cpu",
    ]
    return subprocess.Popen(
        [*COMMAND, *TRAIN, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if terminal is None else terminal,
        text=True,
        env=environment,
        preexec_fn=None if terminal is None else lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
        start_new_session=terminal is not None,
    )


def finish(folder: Path) -> tuple[str, bytes]:
    """The digest of the last checkpoint and metrics.jsonl, after training to the end."""
    process = start(folder)
    out, err = process.communicate()
    assert process.returncode == 0, err
    report = json.loads(out)
    assert (report["status"], report["step"]) == ("done", STEPS)
    run = Path(report["run"])
    parts = checkpoint.load(run / "checkpoints" / str(STEPS)).parts
    state = {f"{part}/{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
    return checkpoint.digest(state), (run / "metrics.jsonl").read_bytes()


def lines(folder: Path) -> int:
    files = list((folder / "results").glob("*/*/*/metrics.jsonl"))
    return len(files[0].read_bytes().splitlines()) if files else 0


def saving(folder: Path) -> bool:
    return any((folder / "results").glob("*/*/*/checkpoints/.*"))


def wait_for(mark: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not mark():
        assert process.poll() is None, f"training ended before the mark: {process.communicate()[1]}"
        time.sleep(0.0002)


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    return finish(tmp_path_factory.mktemp("alone"))


def kill_repeatedly(folder: Path, marks: list[int]) -> int:
    """Kill once at each number of logged lines, at the next save after it; returns how many hit a save."""
    inside = 0
    for mark in marks:
        process = start(folder)
        wait_for(lambda mark=mark: lines(folder) >= mark, process)  # type: ignore[misc]
        wait_for(lambda: saving(folder), process)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        inside += saving(folder)
    return inside


def test_kills_inside_saves_change_neither_state_nor_log(tmp_path: Path, left_alone: tuple[str, bytes]) -> None:
    inside = kill_repeatedly(tmp_path, [3, 11, 24])
    assert inside > 0, "no kill hit a save, so this shows nothing"
    assert finish(tmp_path) == left_alone


@pytest.mark.slow
def test_many_kills_change_neither_state_nor_log(tmp_path: Path, left_alone: tuple[str, bytes]) -> None:
    inside = kill_repeatedly(tmp_path, list(range(1, 39, 2)))
    assert inside >= 5
    assert finish(tmp_path) == left_alone


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_leaves_with_75_and_says_where_it_stopped(
    tmp_path: Path, left_alone: tuple[str, bytes], number: int
) -> None:
    process = start(tmp_path)
    wait_for(lambda: lines(tmp_path) >= 5, process)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 75
    report = json.loads(out)
    assert report["status"] == "stopped"
    assert 5 <= report["step"] < STEPS
    assert f"stopped and saved at step {report['step']} of {STEPS}" in err
    assert "Traceback" not in err
    assert finish(tmp_path) == left_alone


def test_a_session_that_is_dropped_leaves_a_saved_run(tmp_path: Path, left_alone: tuple[str, bytes]) -> None:
    """The terminal sends SIGHUP and is gone, so that what training prints from then on fails."""
    ours, theirs = os.openpty()
    process = start(tmp_path, terminal=theirs)
    os.close(theirs)
    os.set_blocking(ours, False)
    while lines(tmp_path) < 5:
        assert process.poll() is None
        with suppress(BlockingIOError):  # what is never read would block the training
            os.read(ours, 4096)
        time.sleep(0.01)
    os.close(ours)
    out, _ = process.communicate()
    assert process.returncode == 75
    assert json.loads(out)["status"] == "stopped"
    assert finish(tmp_path) == left_alone
