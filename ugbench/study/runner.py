"""Trains the missing runs of a study: one process for each run, several at once, and no run twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

import torch

from ugbench.errors import Stopped, writing
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


@dataclass
class _Child:
    planned: PlannedRun
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    device: str


def train_all(
    planned: Sequence[PlannedRun],
    jobs: int,
    log: Callable[[str], None],
    progress: Callable[[int, int], None],
    watch: Watch = NOT_WATCHED,
) -> list[Outcome]:
    """Train every run to its last step, each in a process, `jobs` of them at once.

    A run that fails is reported and the others go on. A run that another process trains is waited for. A signal that
    asks to stop (ugbench.training.signals) stops all runs, which save themselves.

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
    children: list[_Child] = []
    stopping = False
    with stop_on_signals() as stop:
        while waiting or children:
            if stop.requested and not stopping:
                stopping = True  # a second signal would end them before they have saved
                waiting.clear()
                for child in children:
                    child.process.send_signal(signal.SIGINT)
            ready = [run for run in waiting if not run.run.is_being_trained()]
            while ready and len(children) < jobs:
                run = ready.pop(0)
                waiting.remove(run)
                if refreshed(run).status == "done":  # by another study, meanwhile
                    outcomes.append(Outcome(refreshed(run), "done"))
                    continue
                device = min(names, key=lambda name: sum(child.device == name for child in children))
                children.append(_start(run, device, jobs, watch))
                log(f"training {run_name(run)}, step {run.step} of {run.run.steps}, in {run.run.path}")
            for child in [child for child in children if child.process.poll() is not None]:
                children.remove(child)
                outcome = _outcome(child, stopping)
                if outcome.status == "failed" and child.planned.run.is_being_trained():
                    waiting.append(child.planned)  # another study was quicker to start it
                    continue
                outcomes.append(outcome)
                log(outcome_sentence(outcome))
            saved = [*waiting, *(outcome.planned for outcome in outcomes)]
            logged = [max(last_logged_step(child.planned.run), child.planned.run.step()) for child in children]
            progress(sum(run.run.step() for run in saved) + sum(logged), total_steps)
            if children or waiting:
                time.sleep(PAUSE)
    if any(outcome.status == "stopped" for outcome in outcomes) or len(outcomes) < len(planned):
        counts = f"{sum(outcome.status == 'done' for outcome in outcomes)} of {len(planned)} runs done"
        raise Stopped(f"stopped and saved, {counts}; run the same command again to go on.", signal=stop.signal)
    return outcomes


def _start(planned: PlannedRun, device: str, jobs: int, watch: Watch) -> _Child:
    make_folder(planned.run.inside())
    with writing(planned.run.train_log):
        append_text(planned.run.train_log, "")  # checks the file, and copies it if a hard link shares its content
        log = planned.run.train_log.open("ab")
    environment = dict(os.environ)
    if jobs > 1 and device == "cpu" and "OMP_NUM_THREADS" not in environment:
        environment["OMP_NUM_THREADS"] = str(max(1, torch.get_num_threads() // jobs))
    # In a new session, so that a Ctrl-C at the terminal reaches it once, through this process.
    process = subprocess.Popen(
        command(planned.request, device, watch, jobs),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment,
        start_new_session=True,
    )
    return _Child(planned, process, log, device)


def _outcome(child: _Child, stopping: bool) -> Outcome:
    child.log.close()
    planned = refreshed(child.planned)
    if child.process.returncode == 0 and planned.status == "done":
        return Outcome(planned, "done")
    # A signal that comes while a child still starts ends it in another way, before it has anything to save.
    if child.process.returncode == STOPPED or stopping:
        return Outcome(planned, "stopped")
    with open_file(planned.run.train_log) as stream:
        stream.seek(max(0, planned.run.train_log.stat().st_size - END))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return Outcome(planned, "failed", "\n".join(lines[-TAIL:]))


def devices(device: torch.device, jobs: int) -> list[str]:
    """The devices that runs are spread over: every GPU if there are several jobs and no GPU was named."""
    if device.type == "cuda" and device.index is None and jobs > 1:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [str(device)]
