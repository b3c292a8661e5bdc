"""Trains the missing runs of a study: one process for each run, several at once, and no run twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch

from ugbench.errors import Stopped, UgbenchError, writing
from ugbench.runs.files import append_text, open_file
from ugbench.runs.json_file import make_folder
from ugbench.runs.training_log import last_logged_step
from ugbench.study.commands import NOT_WATCHED, Watch, command
from ugbench.study.outcomes import Outcome, outcome_sentence, run_name
from ugbench.study.plan import PlannedRun, refreshed
from ugbench.training.signals import stop_on_signals

END = 1 << 16  # bytes of a failed run's log that are read
TAIL = 5  # lines of a failed run's log that are shown
PAUSE = 0.2  # seconds between looks at the processes
STOPPED = 75

T = TypeVar("T")


@dataclass
class _Child:
    planned: PlannedRun
    process: subprocess.Popen[bytes]
    device: str
    is_asked: bool = False

    def ask_to_stop(self) -> None:
        """Send the signal at which a run saves itself, once: a second one would end it before it has saved."""
        if not self.is_asked:
            self.is_asked = True
            self.process.send_signal(signal.SIGINT)


def train_all(
    planned: Sequence[PlannedRun],
    jobs: int,
    log: Callable[[str], None],
    progress: Callable[[int, int], None],
    watch: Watch = NOT_WATCHED,
) -> list[Outcome]:
    """Train every run to its last step, each in a process, `jobs` of them at once.

    A run that fails, or cannot even start, is reported and the others go on. A run that another process trains is
    waited for. A signal that asks to stop (ugbench.training.signals), or an error here, stops all runs, which save
    themselves.

    Args:
        progress: called with the steps done and the steps of all runs.
    Returns:
        How each run ended: done or failed.
    Raises:
        Stopped: a signal came, or a run was stopped by one; every run has saved itself.
    """
    waiting = [run for run in planned if run.status != "done"]
    outcomes = [Outcome(run, "done") for run in planned if run.status == "done"]
    total_steps = sum(run.run.steps for run in planned)
    of_run = planned[0].request.device if planned else torch.device("cpu")
    names = devices(of_run, jobs)
    stopping = False
    with stop_on_signals() as stop, _stopped_at_the_end() as children:
        while waiting or children:
            if stop.requested and not stopping:
                stopping = True
                waiting.clear()
                for child in children:
                    child.ask_to_stop()
            for run in list(waiting):
                if len(children) >= jobs:
                    break
                device = min(names, key=lambda name: sum(child.device == name for child in children))
                started = _or_failed(run, partial(_start, run, device, jobs, watch))
                if started is None:
                    continue
                waiting.remove(run)
                if isinstance(started, _Child):
                    children.append(started)
                    log(f"training {run_name(run)}, step {run.step} of {run.run.steps}, in {run.run.path}")
                    continue
                outcomes.append(started)
                if started.status == "failed":
                    log(outcome_sentence(started))
            for child in [child for child in children if child.process.poll() is not None]:
                children.remove(child)
                outcome = _or_failed(child.planned, partial(_outcome, child, stopping))
                if outcome is None:  # another study was quicker to start it
                    waiting.append(child.planned)
                    continue
                outcomes.append(outcome)
                log(outcome_sentence(outcome))
            steps_done = sum(outcome.planned.step for outcome in outcomes) + sum(map(_saved_step, waiting))
            progress(steps_done + sum(_trained_step(child.planned) for child in children), total_steps)
            if children or waiting:
                time.sleep(PAUSE)
    if any(outcome.status == "stopped" for outcome in outcomes) or len(outcomes) < len(planned):
        counts = f"{sum(outcome.status == 'done' for outcome in outcomes)} of {len(planned)} runs done"
        raise Stopped(f"stopped and saved, {counts}; run the same command again to go on.", signal=stop.signal)
    return outcomes


@contextmanager
def _stopped_at_the_end() -> Iterator[list[_Child]]:
    """A list of children. Those that are left in it when an error ends the block are stopped: nobody else would."""
    children: list[_Child] = []
    try:
        yield children
    finally:
        for child in children:
            child.ask_to_stop()
        for child in children:
            child.process.wait()


def _or_failed(planned: PlannedRun, attempt: Callable[[], T]) -> T | Outcome:
    """What the attempt returns; that the run has failed, and why, where the system or a file of the run refuses it."""
    try:
        return attempt()
    except (UgbenchError, OSError) as error:
        return Outcome(planned, "failed", str(error))


def _saved_step(planned: PlannedRun) -> int:
    """The step that a run has saved; that of the plan where its files cannot be read."""
    try:
        return planned.run.step()
    except (UgbenchError, OSError):  # it fails, and is reported, when its turn comes
        return planned.step


def _trained_step(planned: PlannedRun) -> int:
    """The step that a run which trains has come to, as far as its files can be read."""
    try:
        return max(last_logged_step(planned.run), planned.run.step())
    except (UgbenchError, OSError):  # its process fails by itself if it cannot read them either
        return planned.step


def _start(planned: PlannedRun, device: str, jobs: int, watch: Watch) -> _Child | Outcome | None:
    """The process that trains a run now; an outcome if the run is done meanwhile, and None if another one trains it."""
    if planned.run.is_being_trained():
        return None
    if refreshed(planned).status == "done":  # by another study, meanwhile
        return Outcome(refreshed(planned), "done")
    make_folder(planned.run.inside())
    with writing(planned.run.train_log):
        append_text(planned.run.train_log, "")  # checks the file, and copies it if a hard link shares its content
    environment = dict(os.environ)
    if jobs > 1 and device == "cpu" and "OMP_NUM_THREADS" not in environment:
        environment["OMP_NUM_THREADS"] = str(max(1, torch.get_num_threads() // jobs))
    # In a new session, so that a Ctrl-C at the terminal reaches it once, through this process.
    with planned.run.train_log.open("ab") as log:
        process = subprocess.Popen(
            command(planned.request, device, watch, jobs),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    return _Child(planned, process, device)


def _outcome(child: _Child, stopping: bool) -> Outcome | None:
    """How a run ended; None if it did not begin, since another process trains it."""
    planned = refreshed(child.planned)
    if child.process.returncode == 0 and planned.status == "done":
        return Outcome(planned, "done")
    # A signal that comes while a child still starts ends it in another way, before it has anything to save.
    if child.process.returncode == STOPPED or stopping:
        return Outcome(planned, "stopped")
    if planned.run.is_being_trained():
        return None
    with open_file(planned.run.train_log) as stream:
        stream.seek(max(0, planned.run.train_log.stat().st_size - END))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return Outcome(planned, "failed", "\n".join(lines[-TAIL:]))


def devices(device: torch.device, jobs: int) -> list[str]:
    """The devices that runs are spread over: every GPU if there are several jobs and no GPU was named."""
    if device.type == "cuda" and device.index is None and jobs > 1:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [str(device)]
