"""What a task of a job does on its node: it runs a command, and requeues itself if the command has stopped.

submitit calls a task in a process with signal handlers of its own, so the command is a child process, which has those
of `ugbench train`. submitit stores a task in a file of its own format between calls; nothing else is read from there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ugbench.runs.folder import RunFolder
from ugbench.runs.json_file import make_folder

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

STOPPED = 75  # exit code of a command that saved what it had: the same command goes on
MOST_FRUITLESS = 5  # calls one after another that stop before their run has a new checkpoint
PAUSE = 0.2  # seconds between looks at the command


class CommandTask:
    """A command that goes on where it stopped when it is called again.

    Near the time limit of its job, and when the job has to make room for another, submitit gets a signal. The command
    then saves and exits with 75, and the task is requeued. It is requeued too where the command exits with 75 for
    another reason. A job that is cancelled stays cancelled. SLURM itself requeues the tasks of a node that fails.

    Attributes:
        words: the command.
        output, errors: files for what it prints; they may be one file, and are added to.
        run: the folder of the run that it trains; None where it trains none.
        fruitless: how often it stopped, one time after the other, before the run had a new checkpoint.
    """

    def __init__(self, words: Sequence[str], output: Path, errors: Path, run: Path | None = None) -> None:
        self.words, self.output, self.errors, self.run = list(words), output, errors, run
        self.fruitless = 0

    def __call__(self) -> None:
        """Run the command to its end.

        Raises:
            SystemExit: the command failed, or was stopped and the task is requeued.
        """
        # Handlers of submitit: the one for this signal requeues the task and exits.
        requeue, preemption = signal.getsignal(preemption_signal()), preemption_signal()
        cancelled = False
        before = _last_checkpoint(self.run)
        make_folder(self.output.parent)
        with self.output.open("ab") as output, self.errors.open("ab") as errors:
            process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)

            def stop(number: int, _frame: FrameType | None) -> None:
                nonlocal cancelled
                cancelled = cancelled or number == signal.SIGTERM
                process.send_signal(stop_signal())

            signal.signal(preemption, stop)
            signal.signal(signal.SIGTERM, stop)
            # Not wait(): it holds a lock, so that a handler that is called meanwhile could send nothing to the process.
            while (code := process.poll()) is None:
                time.sleep(PAUSE)
        if code == 0:
            return
        # A signal that comes while Python starts ends the command before it has anything to save.
        is_stopped = code == STOPPED or -code in (stop_signal(), preemption)
        if cancelled or not is_stopped:
            print(f"{self.words} ended with {code}; see {self.errors}.", file=sys.stderr)
            sys.exit(code if code > 0 else 128 - code)
        self.fruitless = 0 if self.run is None or _last_checkpoint(self.run) > before else self.fruitless + 1
        if self.fruitless >= MOST_FRUITLESS or not callable(requeue):
            text = f"{MOST_FRUITLESS} times stopped before the first new checkpoint; give a larger timeout_min."
            with self.errors.open("a", encoding="utf-8") as errors_text:
                print(text, file=errors_text)
            sys.exit(1)
        requeue(preemption, None)

    def checkpoint(self) -> DelayedSubmission:
        """What submitit calls when the task is requeued: the same task."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def stop_signal() -> signal.Signals:
    """The signal that asks a command to save and stop, even if it comes twice; Windows lacks it, and SLURM too."""
    return signal.SIGUSR1


def preemption_signal() -> signal.Signals:
    """The signal that submitit asks SLURM to send near the time limit; see submitit.core.job_environment."""
    return signal.Signals[f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}"]


def _last_checkpoint(run: Path | None) -> int:
    return 0 if run is None else max(RunFolder(run).checkpoint_steps(), default=0)
