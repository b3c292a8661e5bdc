"""Weights & Biases (https://docs.wandb.ai). Its environment variables decide where it writes, such as WANDB_MODE."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ugbench.errors import UsageError
from ugbench.extras import need_extra
from ugbench.tracker import Image, Status, TrackedRun, Tracker

PROJECT = "ugbench"
"""The project of runs where WANDB_PROJECT names none."""
EXIT_CODES: Mapping[Status, int] = {"done": 0, "stopped": 75, "failed": 1}


class _Training:
    """One run of Weights & Biases."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        from wandb import Image as WandbImage

        self._run.log({name: WandbImage(image) for name, image in images.items()}, step=step)

    def end(self, status: Status) -> None:
        if status == "stopped":
            self._run.mark_preempting()  # a run that will go on, and did not fail
        self._run.finish(exit_code=EXIT_CODES[status])


def check() -> None:
    """Check that the package is there and that somebody is logged in, without asking for a login.

    Raises:
        UsageError: the package is missing, nobody is logged in, or the server cannot be reached or refuses the key.
    """
    need_extra("wandb", ("wandb",), "--track wandb")
    import wandb

    if wandb.setup().settings.mode not in ("online", "shared"):
        return
    offline = "set WANDB_MODE=offline to write files that `wandb sync` sends later"
    try:
        is_logged_in = wandb.login(prompt=False)
    except wandb.Error as error:
        reason = (str(error).strip() or "no reason was given").splitlines()[0].rstrip(".")
        raise UsageError(
            f"--track wandb: Weights & Biases cannot be reached, or refuses the key ({reason}); {offline}."
        ) from None
    if not is_logged_in:
        raise UsageError(
            "--track wandb: nobody is logged in to Weights & Biases here; run `wandb login`, set WANDB_API_KEY, or "
            f"{offline}."
        )


def start(run: TrackedRun) -> _Training:
    """Begin the run of Weights & Biases with the id of the tracked run, or go on with it."""
    import wandb

    # With its console on, W&B would capture stdout, on which this program may print nothing but JSON.
    settings = wandb.Settings(console="off", silent=True, disable_git=True, save_code=False)
    return _Training(
        wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=run.id,
            resume="allow",
            name=run.name,
            group=run.dataset,
            config=dict(run.config),
            dir=os.environ.get("WANDB_DIR", str(run.results)),
            reinit="create_new",
            settings=settings,
        )
    )


TRACKER = Tracker(start, check)
