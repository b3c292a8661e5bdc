"""What a task asks SLURM for: `--slurm K=V,…` and the table [slurm] of a study's file, by the names of submitit."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ugbench.errors import UnknownName, UsageError
from ugbench.extras import need_extra

PROGRAMS = ("sbatch", "srun", "squeue", "scontrol")
MINUTES = 720  # time limit of a task where none is given; a run that needs longer is requeued
COMMON: Mapping[str, type] = MappingProxyType(
    {"name": str, "timeout_min": int, "mem_gb": float, "cpus_per_task": int, "gpus_per_node": int}
)
"""Parameters that submitit has for every kind of cluster."""
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("nodes", "tasks_per_node", "ntasks_per_node"), "a run trains in one process"),
        **dict.fromkeys(("dependency",), "the job that scores has its own"),
        **dict.fromkeys(("time",), "give timeout_min"),
        **dict.fromkeys(("job_name",), "give name"),
        **dict.fromkeys(("mem",), "give mem_gb"),
    }
)


def need_slurm() -> None:
    """Raises UsageError if submitit is not installed, or this machine has no SLURM."""
    need_extra("slurm", ("submitit",), "--on slurm")
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise UsageError(
            f"--on slurm: there is no {', '.join(missing)} on this machine; call it where SLURM's commands are, or see "
            "--print-commands for other schedulers."
        )


def checked_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as `submitit.AutoExecutor` takes them.

    Args:
        given: parameters by the names of submitit, such as partition, gpus_per_node or timeout_min; values of --slurm
            are texts.
    Raises:
        UnknownName: submitit has no such parameter.
        UsageError: a parameter is refused, or its value is of another type.
    """
    from submitit.slurm.slurm import SlurmExecutor

    known = {*COMMON, *SlurmExecutor._valid_parameters()} - REFUSED.keys()
    parameters: dict[str, Any] = {"timeout_min": MINUTES}
    for key, value in given.items():
        if key in REFUSED:
            raise UsageError(f"--slurm {key}={value}: that cannot be set ({REFUSED[key]}); leave it out.")
        if key not in known:
            raise UnknownName("parameter of --slurm", key, known)
        if key in COMMON:
            parameters[key] = _as_type(key, value, COMMON[key])
        else:
            parameters[f"slurm_{key}"] = _plain(value)
    if parameters["timeout_min"] < 1:
        raise UsageError(f"--slurm timeout_min={parameters['timeout_min']}: give 1 minute or more.")
    return parameters


def _as_type(key: str, value: Any, wanted: type) -> Any:
    try:
        return wanted(value)
    except (TypeError, ValueError):
        kind = "a whole number" if wanted is int else "a number"
        raise UsageError(f"--slurm {key}={value}: that is no value for it; give {kind}.") from None


def _plain(value: Any) -> Any:
    """A text of the command line as the number or the switch that it stands for; other values as they are."""
    if isinstance(value, str):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        return int(value) if value.isdecimal() else value
    return value
