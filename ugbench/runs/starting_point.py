"""The checkpoint of another run that a run starts from: what RUN or RUN@STEP means (--init-from, --continue-from).

A config records it as "<id>@<step>", or as "<id>" for the last checkpoint of a run that is done (--init-from only; in
older configs also of an unfinished run). The other run may have trained further or be gone when the same command is
given again. So a command first looks for the run that it made earlier.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ugbench.errors import RunError
from ugbench.runs.folder import CONFIG
from ugbench.runs.run import Run, RunConfig, find_run, list_runs, read_run

Field = Literal["init_from", "continue_from"]


@dataclass(frozen=True)
class StartingPoint:
    """A checkpoint of a run."""

    run: Run
    step: int

    @property
    def name(self) -> str:
        """The run's id and the step, as in "c3271f0a9b2d@200"."""
        return f"{self.run.id}@{self.step}"


def split_step(text: str) -> tuple[str, int | None]:
    """RUN and STEP of RUN@STEP; the step is None if `text` has none."""
    match = re.fullmatch(r"(.*)@(\d+)", text)
    if match is None or (Path(text) / CONFIG).exists():  # a folder's name may end like a step
        return text, None
    return match[1], int(match[2])


def find_starting_point(text: str, field: Field, results: Path) -> StartingPoint:
    """The checkpoint that RUN@STEP names, or the last one of RUN.

    Raises:
        RunError: there is no such run or no such checkpoint, or the run holds outputs of another tool.
    """
    name, step = split_step(text)
    run, option = find_run(name, results), option_of(field)
    if run.config.is_external:
        raise RunError(
            f"{option} {text}: run {run.id} ({run.config.label}) holds outputs of another tool and has no weights; "
            "name another run."
        )
    steps = run.checkpoint_steps()
    if not steps:
        raise RunError(f"{option} {text}: run {run.id} has no checkpoint yet; train it first.")
    if step is not None and step not in steps:
        kept = ", ".join(map(str, steps))
        raise RunError(
            f"{option} {text}: run {run.id} has no checkpoint of step {step}; name one that is kept: {kept}."
        )
    return StartingPoint(run, steps[-1] if step is None else step)


def with_start(config: RunConfig, field: Field, text: str, results: Path) -> RunConfig:
    """The config with the checkpoint that `text` names recorded in `field`.

    If the same command began a run before, this is the checkpoint that it began from. RUN without a step is its last
    checkpoint, or else the only one at which an earlier run began.

    Args:
        config: the other fields; `field` is None.
    Raises:
        RunError: there is no such run or checkpoint, or several earlier runs match.
    """
    name, step = split_step(text)
    earlier = _recorded_earlier(config, field, name, step, results)
    if step is None and len(earlier) > 1:
        steps_of_runs = {run.id: run.step() for run in list_runs(results)}
        last = {start for start in earlier if _step(start) == steps_of_runs.get(_id(start))}
        earlier = {start for start in earlier if _step(start) is None} or last or earlier
    if len(earlier) > 1:
        raise RunError(
            f"{option_of(field)} {text}: earlier runs of this command began from {', '.join(sorted(earlier))}; name "
            "one of these."
        )
    if not earlier:
        start = find_starting_point(text, field, results)
        # An unfinished run may train further, and runs that begin from other weights must not share a configuration.
        is_plain = field == "init_from" and step is None and start.run.is_done()
        earlier = {start.run.id if is_plain else start.name}
    return config.model_copy(update={field: earlier.pop()})


def find_recorded(config: RunConfig, field: Field, text: str, results: Path) -> StartingPoint:
    """The checkpoint that is recorded in a config's `field`, for a command that named it with `text`.

    Raises:
        RunError: the run or the checkpoint is gone.
    """
    recorded = str(getattr(config, field))
    name = split_step(text)[0]
    if any(run.id == _id(recorded) for run in list_runs(results)):
        name = _id(recorded)  # `text` may be the start of other ids by now
    step = _step(recorded)
    return find_starting_point(name if step is None else f"{name}@{step}", field, results)


def newer_step(text: str, recorded: str, results: Path) -> int | None:
    """The last step of RUN, if `text` is RUN without a step and a run began from it at another step; else None."""
    last = next((run.step() for run in list_runs(results) if run.id == _id(recorded)), None)
    return None if split_step(text)[1] is not None or _step(recorded) in (None, last) else last


def first_step(config: RunConfig) -> int:
    """The step at which a run begins: that of the checkpoint that it continues from, else 0."""
    return 0 if config.continue_from is None else _step(config.continue_from) or 0


def option_of(field: Field) -> str:
    """The option of `ugbench train` that sets a field: "--init-from" or "--continue-from"."""
    return f"--{field.replace('_', '-')}"


def _recorded_earlier(config: RunConfig, field: Field, name: str, step: int | None, results: Path) -> set[str]:
    """What existing runs recorded in `field` that are equal to `config` otherwise and fit RUN and STEP."""
    id_start = _id_start(name)
    recorded = {
        str(start)
        for run in list_runs(results)
        if (start := getattr(run.config, field)) is not None
        and run.config.model_copy(update={field: None}).id == config.id
    }
    fitting = {start for start in recorded if id_start and _id(start).startswith(id_start)}
    return {start for start in fitting if step in (None, _step(start))}


def _id_start(name: str) -> str:
    """The start of an id that RUN means; of a folder that is gone, what follows the last dash of its name."""
    if (Path(name) / CONFIG).exists():
        return read_run(Path(name)).id
    return Path(name).name.rpartition("-")[2] if "/" in name else name.strip()


def _id(recorded: str) -> str:
    return recorded.partition("@")[0]


def _step(recorded: str) -> int | None:
    return int(recorded.partition("@")[2]) if "@" in recorded else None
