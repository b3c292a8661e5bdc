"""Trains what is missing of a study: a process a run, several at once, none of them twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Literal

import torch

from ugbench.runs.training_log import last_logged_step
from ugbench.study.plan import Planned, again
from ugbench.training.prepare import Request
from ugbench.training.signals import stop_on_signals

TAIL = 5  # lines of a failed run's log that are shown
PAUSE = 0.2  # seconds between looks at the processes
STOPPED = 75


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `log` is the end of what it printed, where it failed."""

    planned: Planned
    status: Literal["done", "failed", "stopped"]
    log: str = ""


@dataclass
class _Child:
    planned: Planned
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    device: str


def train_all(
    planned: Sequence[Planned],
    jobs: int,
    say: Callable[[str], None],
    tick: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Train every run to its last step.

    A run that fails is reported and the others go on. A run that another process trains is waited for. SIGINT and
    SIGTERM stop all runs, which save themselves.

    Args:
        tick: told the steps done and the steps of all runs.
    """
    waiting = [one for one in planned if one.status != "done"]
    outcomes = [Outcome(one, "done") for one in planned if one.status == "done"]
    total = sum(one.run.steps for one in planned)
    devices = _devices(planned, jobs)
    children: list[_Child] = []
    told_to_stop = False
    with stop_on_signals() as stop:
        while waiting or children:
            if stop.requested and not told_to_stop:
                told_to_stop = True  # a second signal would end them before they have saved
                waiting.clear()
                for child in children:
                    child.process.send_signal(signal.SIGINT)
            ready = [one for one in waiting if not one.run.is_being_trained()]
            while ready and len(children) < jobs:
                one = ready.pop(0)
                waiting.remove(one)
                if again(one).status == "done":  # by another study, meanwhile
                    outcomes.append(Outcome(again(one), "done"))
                    continue
                device = min(devices, key=lambda name: sum(child.device == name for child in children))
                children.append(_start(one, device, jobs))
                say(f"training {_name(one)}, step {one.step} of {one.run.steps}, in {one.run.path}")
            for child in [child for child in children if child.process.poll() is not None]:
                children.remove(child)
                outcome = _ended(child)
                if outcome.status == "failed" and not told_to_stop and child.planned.run.is_being_trained():
                    waiting.append(child.planned)  # another study was quicker to start it
                    continue
                outcomes.append(outcome)
                say(_sentence(outcome))
            if tick is not None:
                done = sum(again(one).step for one in waiting) + sum(_step(child) for child in children)
                tick(done + sum(outcome.planned.run.step() for outcome in outcomes), total)
            if children or waiting:
                time.sleep(PAUSE)
    left = {outcome.planned.run.id for outcome in outcomes}
    return outcomes + [Outcome(again(one), "stopped") for one in planned if one.run.id not in left]


def command(request: Request, device: str) -> list[str]:
    """`ugbench train …` for a run, as words."""
    words = [sys.executable, "-m", "ugbench", "train", request.method, "--dataset", request.dataset]
    words += ["--preset", request.preset, "--seed", str(request.seed), "--precision", request.precision]
    words += ["--results", str(request.results), "--data-root", str(request.data_root), "--device", device]
    if request.variant is not None:
        words += ["--variant", request.variant]
    if request.direction is not None:
        words += ["--direction", request.direction]
    if request.skip_bad:
        words.append("--skip-bad")
    for key, value in request.overrides.items():
        words += ["--set", f"{key}={value}"]
    return words


def _start(planned: Planned, device: str, jobs: int) -> _Child:
    planned.run.path.mkdir(parents=True, exist_ok=True)
    log = planned.run.train_log.open("ab")
    environment = dict(os.environ)
    if jobs > 1 and device == "cpu" and "OMP_NUM_THREADS" not in environment:
        environment["OMP_NUM_THREADS"] = str(max(1, torch.get_num_threads() // jobs))
    # A session of its own: a Ctrl-C at the terminal reaches it once, from here.
    process = subprocess.Popen(
        command(planned.request, device),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment,
        start_new_session=True,
    )
    return _Child(planned, process, log, device)


def _ended(child: _Child) -> Outcome:
    child.log.close()
    planned = again(child.planned)
    if child.process.returncode == 0 and planned.status == "done":
        return Outcome(planned, "done")
    if child.process.returncode == STOPPED:
        return Outcome(planned, "stopped")
    lines = planned.run.train_log.read_text(encoding="utf-8", errors="replace").splitlines()
    return Outcome(planned, "failed", "\n".join(lines[-TAIL:]))


def _sentence(outcome: Outcome) -> str:
    name, step = _name(outcome.planned), outcome.planned.step
    if outcome.status == "failed":
        log = outcome.planned.run.train_log
        return f"{name} FAILED; its log, {log}, ends with:\n  " + outcome.log.replace("\n", "\n  ")
    return f"{name} is {outcome.status}, at step {step} of {outcome.planned.run.steps}."


def _name(planned: Planned) -> str:
    cell = planned.cell
    direction = f" {cell.direction}" if cell.direction else ""
    return f"{cell.arm.label} on {planned.run.dataset_folder.name}{direction}, seed {cell.seed}"


def _step(child: _Child) -> int:
    """Steps that a running process has logged or saved."""
    return max(last_logged_step(child.planned.run), child.planned.run.step())


def _devices(planned: Sequence[Planned], jobs: int) -> list[str]:
    """Names of the devices that runs are spread over: each GPU where several jobs meet several."""
    device = planned[0].request.device if planned else torch.device("cpu")
    if device.type == "cuda" and device.index is None and jobs > 1:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [str(device)]
