"""The environment of a training: versions, device, how it computes, and the commit of a checkout.

environment.json describes where a run began. Its list `resumed` has an entry for each resume in another environment,
with the step and the fields that had changed.
"""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from ugbench.arithmetic import float32_formats
from ugbench.errors import RunError
from ugbench.runs.json_file import read_json, write_json
from ugbench.runs.method_sources import method_sources
from ugbench.runs.run import Run
from ugbench.training.machine import Machine, is_deterministic

PACKAGES = ("ugbench", "torch", "torchvision", "torch-fidelity", "lpips", "numpy", "pillow", "safetensors")


RESUMED = "resumed"


def record_start(run: Run, machine: Machine) -> None:
    """Write environment.json when a run begins.

    Raises:
        DiskError: the system refuses.
    """
    write_json(run.environment_file, describe(machine, run.config.method))


def record_resume(run: Run, machine: Machine, step: int) -> None:
    """Add to environment.json what has changed since the run was last described, if anything has.

    A file that is missing or damaged begins again with this description, as of a resume at `step`.

    Raises:
        DiskError: the system refuses.
    """
    now = describe(machine, run.config.method)
    try:
        stored = read_json(run.environment_file)
    except (FileNotFoundError, RunError):  # training needs nothing of this file
        stored = {}
    resumed = stored.get(RESUMED)
    if not (isinstance(resumed, list) and all(isinstance(resume, dict) for resume in resumed)):
        resumed = []
    # Files of earlier versions do not name these.
    before = {"ranks": 1, "compiled": False, "captured": False, **stored}
    before |= {key: value for resume in resumed for key, value in resume.items()}
    changed = {key: value for key, value in now.items() if before.get(key) != value}
    if changed:
        write_json(run.environment_file, {**stored, RESUMED: [*resumed, {"step": step, **changed}]})


def describe(machine: Machine, method: str) -> dict[str, Any]:
    """Everything outside the config that decides the bits and the speed of a run.

    Args:
        method: the method's registered name.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {package: _version(package) for package in PACKAGES},
        "commit": _commit(),
        "method_sources": method_sources(method),
        "device": str(machine.device),
        "device_name": device_name(machine.device),
        "ranks": machine.ranks,
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "deterministic": is_deterministic(),
        "compiled": machine.compiled,
        "captured": machine.captured,
        "float32": float32_formats(),
        "cuda": torch.version.cuda,
        **(_describe_gpu(machine.device) if machine.device.type == "cuda" else {}),
    }


def device_name(device: torch.device) -> str:
    """The name of a GPU, or of the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()


def _describe_gpu(device: torch.device) -> dict[str, Any]:
    return {
        "capability": ".".join(map(str, torch.cuda.get_device_capability(device))),
        "cudnn": torch.backends.cudnn.version(),
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "driver": _driver(),
    }


def _driver() -> str | None:
    """The version of NVIDIA's driver; None if its tool is not installed."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return None
    return lines[0].strip() if lines else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout that holds this file, with "+" if files were changed; None outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    git = ["git", "-C", str(root)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")
