"""Other systems than Linux: no module of the project needs what only POSIX has in order to be imported.

A process takes away what Windows lacks from the project's own code. The packages that it uses see it still, because
they choose by `sys.platform` what they import.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WITHOUT_POSIX = """
import builtins, importlib, os, pkgutil, signal, sys

OURS = ("ugbench", "ugatit", "baselines")
MODULES = ("fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")
genuine = builtins.__import__

def without_posix(name, globals=None, *arguments, **options):
    importer = (globals or {}).get("__name__", "")
    if name in MODULES and importer.partition(".")[0] in OURS:
        raise ModuleNotFoundError(f"No module named {name!r}, which {importer} imports", name=name)
    return genuine(name, globals, *arguments, **options)

builtins.__import__ = without_posix

# Packages of others are imported first, and keep what they took.
import fastapi, filelock, lpips, matplotlib, pandas, scipy, torch, torch_fidelity, torchmetrics, torchvision, uvicorn
import torch.utils.tensorboard

for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGKILL", "SIGQUIT", "SIGTSTP", "SIGCHLD"):
    delattr(signal, name)
for name in (
    *("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "fork", "getuid", "geteuid", "getgid", "getloadavg"),
    *("fchmod", "fchown", "chown", "mkfifo", "killpg", "setsid", "sched_getaffinity", "sysconf", "statvfs", "uname"),
):
    if hasattr(os, name):
        delattr(os, name)
"""
IMPORT_ALL = """
import baselines, ugatit, ugbench
for package in (baselines, ugatit, ugbench):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name != "ugbench.__main__":
            importlib.import_module(module.name)
print("imported", len([name for name in sys.modules if name.partition(".")[0] in OURS]))
"""
CALL = "from ugbench.cli.app import app\napp(prog_name='ugbench')\n"


def without_posix(code: str, *words: str) -> str:
    """What Python code prints in a process in which the project's modules find nothing of POSIX."""
    command = [sys.executable, "-c", WITHOUT_POSIX + code, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_can_be_imported() -> None:
    assert int(without_posix(IMPORT_ALL).split()[-1]) > 300


def test_the_help_is_shown() -> None:
    assert "Train, translate with, score and compare" in without_posix(CALL, "--help")


def test_the_speed_of_a_method_is_measured() -> None:
    words = ("bench", "ugatit", "--preset", "smoke", "--steps", "1", "--device", "cpu")
    assert "peak memory" in without_posix(CALL, *words)
