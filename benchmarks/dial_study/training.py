"""Training and scoring of the dial study by `ugbench compare --study FILE`, in a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.dial_study.design import METRICS, to_toml


def compare_command(fields: dict[str, Any], folder: Path, options: Sequence[str]) -> list[str]:
    """The command that trains and scores a study; the study's file is written into `folder`.

    Args:
        fields: see `design.study_fields`.
        options: more options of `ugbench compare`. Those that are fields of a study take their place.
    """
    file = folder / "dial-study.toml"
    file.write_text(to_toml(fields), encoding="utf-8")
    compare = [sys.executable, "-m", "ugbench", "compare", "--study", str(file)]
    return [*compare, "--metric", ",".join(METRICS), *options]


def call(command: Sequence[str], capture: bool = False) -> tuple[int, str]:
    """Run a command to its end; its exit status, and what it printed on stdout if that is captured.

    A signal does not end this process before the command has stopped its trainings and saved them. Ctrl-C in a terminal
    reaches the command too; SIGTERM is passed on to it.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE if capture else None, text=True)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            process.terminate()

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        printed, _ = process.communicate()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return process.returncode, printed or ""


def planned_runs(command: Sequence[str]) -> tuple[int, list[dict[str, Any]]]:
    """The exit status of the command as a dry run, and the planned runs as `--dry-run --json` prints them."""
    status, printed = call([*command, "--dry-run", "--json"], capture=True)
    return status, json.loads(printed)["runs"] if status == 0 else []
