"""The task of a job, run by submitit on this machine: what requeues it, what ends it, and how often it tries."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from slurm_cluster import descendants, processes, wait_until
from submitit.local.local import LocalJob

from ugbench.study.slurm.submission import submit_tasks
from ugbench.study.slurm.tasks import CommandTask

# A command that trains: it saves and exits with 75 on the signal, and is done when it is called for the third time.
TRAINS = """
echo begins >> told
trap 'mkdir -p run/checkpoints/$(grep -c begins told); echo saved >> told; exit 75' USR1
if [ $(grep -c begins told) = 3 ]; then echo done >> told; exit 0; fi
echo ready >> told
for i in $(seq 600); do sleep 0.1; done
exit 9
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """`start(script)` submits a task that runs a script of bash, and returns its job and the file `told`."""
    monkeypatch.chdir(tmp_path)

    def begin(script: str) -> tuple[LocalJob[None], Path]:
        log = tmp_path / "run" / "train.log"
        task = CommandTask(["bash", "-c", script], log, log, tmp_path / "run")
        (job,) = submit_tasks([task], tmp_path / "submitit", {"timeout_min": 60}, cluster="local")
        assert isinstance(job, LocalJob)
        return job, tmp_path / "told"

    return begin


def words(told: Path) -> list[str]:
    return told.read_text().split() if told.exists() else []


def send(job: LocalJob[None], number: int) -> None:
    """Send a signal to the process in which submitit runs the task, as SLURM does."""
    (pid,) = [pid for pid in descendants([int(job.job_id)]) if "submitit.core._submit" in processes().get(pid, "")]
    subprocess.run(["kill", f"-{number}", str(pid)], check=True)


def test_near_the_time_limit_the_command_saves_and_the_task_goes_on_where_it_stopped(
    start: Callable[[str], Any],
) -> None:
    job, told = start(TRAINS)
    for times in (1, 2):
        wait_until(lambda times=times: words(told).count("ready") == times, "the command trains")  # type: ignore[misc]
        send(job, signal.SIGUSR2)
    wait_until(job.done, "the task has ended")
    assert words(told) == ["begins", "ready", "saved", "begins", "ready", "saved", "begins", "done"]


def test_a_command_that_stops_by_itself_with_75_is_called_again(start: Callable[[str], Any]) -> None:
    job, told = start(TRAINS.replace("for i in", "kill -USR1 $$; for i in"))
    wait_until(job.done, "the task has ended")
    assert words(told)[-2:] == ["begins", "done"]


def test_a_task_that_is_cancelled_saves_and_is_not_called_again(start: Callable[[str], Any]) -> None:
    job, told = start(TRAINS)
    wait_until(lambda: "ready" in words(told), "the command trains")
    send(job, signal.SIGTERM)
    wait_until(job.done, "the task has ended")
    assert words(told) == ["begins", "ready", "saved"]


def test_a_command_that_fails_is_not_called_again(start: Callable[[str], Any], tmp_path: Path) -> None:
    job, told = start("echo begins >> told; echo the reason >&2; exit 3")
    wait_until(job.done, "the task has ended")
    assert words(told) == ["begins"]
    assert (tmp_path / "run" / "train.log").read_text() == "the reason\n"
    said = job.paths.stderr.read_text()
    assert "ended with 3; see" in said and "Traceback" not in said


def test_a_command_that_never_comes_to_a_checkpoint_is_given_up(start: Callable[[str], Any], tmp_path: Path) -> None:
    job, told = start("echo begins >> told; kill -USR2 $$; sleep 60")  # ends before it has handlers of its own
    wait_until(job.done, "the task has ended")
    assert words(told) == ["begins"] * 5
    assert "5 times stopped before the first new checkpoint; give a larger timeout_min." in (
        (tmp_path / "run" / "train.log").read_text()
    )
