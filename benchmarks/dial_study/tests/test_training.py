"""How the study's command runs another one to its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.dial_study.training import call

ROOT = Path(__file__).parents[3]
# A command that says when it is ready, saves itself at SIGTERM, and takes half a second for it.
TRAINING = """
import pathlib, signal, sys, time
def save(*_):
    time.sleep(0.5)
    print("saved")
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""
STUDY = """
import sys
from benchmarks.dial_study.training import call
print(call([sys.executable, "-c", sys.argv[1], sys.argv[2]], capture=True))
"""


def test_what_a_command_prints_and_its_exit_status_are_returned() -> None:
    command = [sys.executable, "-c", "print('a table'); raise SystemExit(3)"]
    assert call(command, capture=True) == (3, "a table\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_study_only_after_the_command_has_saved_itself(
    number: signal.Signals, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    study = subprocess.Popen(
        [sys.executable, "-c", STUDY, TRAINING, str(ready)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    while not ready.exists():
        assert study.poll() is None
        time.sleep(0.05)
    study.send_signal(number)
    if number == signal.SIGINT:  # a terminal sends it to the command too; SIGTERM must be passed on
        study.send_signal(signal.SIGTERM)
    printed, _ = study.communicate(timeout=60)
    assert printed == "(75, 'saved\\n')\n"
