"""Where a run starts: from new weights, from another run's weights, or from its checkpoint with more steps to come.

The options are recorded in the run's config. What they name is loaded and checked before anything is written, and only
for a run that has no checkpoint of its own yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import Tensor

from ugbench.errors import RunError, UsageError
from ugbench.runs.run import Run, RunConfig
from ugbench.runs.starting_point import Field, StartingPoint, find_recorded, newer_step, option_of, with_start
from ugbench.runs.training_log import last_logged_step
from ugbench.training import continuation
from ugbench.training.initial_state import initial_tensors
from ugbench.training.machine import Machine


@dataclass(frozen=True)
class StartOptions:
    """The options of `ugbench train` that name where a run starts; a run without any starts from new weights.

    Attributes:
        init_from, continue_from: RUN or RUN@STEP.
        init_only: take only the networks that translation needs from `init_from`.
    """

    init_from: str | None = None
    init_only: Literal["generators"] | None = None
    continue_from: str | None = None

    def recorded_in(self, config: RunConfig, results: Path) -> RunConfig:
        """The config of a run with these options.

        Raises:
            UsageError: the options contradict each other.
            RunError: there is no such run or checkpoint.
        """
        if self.init_from is not None and self.continue_from is not None:
            raise UsageError(
                f"--continue-from {self.continue_from} with --init-from {self.init_from}: a run begins from one of "
                "them; leave the other option out."
            )
        if self.init_only is not None and self.init_from is None:
            raise UsageError(f"--init-only {self.init_only} goes with --init-from RUN; give that option too.")
        named = self._named
        if named is None:
            return config
        return with_start(config.model_copy(update={"init_only": self.init_only}), *named, results)

    @property
    def _named(self) -> tuple[Field, str] | None:
        """The option that names a run, and its value."""
        if self.init_from is not None:
            return "init_from", self.init_from
        return None if self.continue_from is None else ("continue_from", self.continue_from)

    def load(self, config: RunConfig, results: Path, log: Callable[[str], None]) -> Start:
        """What a run that has no checkpoint yet starts from.

        Args:
            config: from `recorded_in`.
        Raises:
            RunError or UsageError: the other run is gone, or does not fit.
        """
        if self._named is None:
            return Start()
        field, text = self._named
        point = find_recorded(config, field, text, results)
        if field == "init_from":
            return Start(initial=initial_tensors(point, config, log))
        continuation.check_continued(point, config, log)
        return Start(continued=point)

    def log_newer_step(self, config: RunConfig, results: Path, log: Callable[[str], None]) -> None:
        """Tell the user, for a run that has begun, if the run that it began from has trained further since."""
        if self._named is None:
            return
        field, text = self._named
        recorded = str(getattr(config, field))
        step = newer_step(text, recorded, results)
        if step is not None:
            name = recorded.partition("@")[0]
            log(
                f"This command began before, from {recorded}, and goes on with that run; "
                f"{option_of(field)} {name}@{step} begins another one at that run's last checkpoint."
            )


@dataclass(frozen=True)
class Start:
    """What a training is given: the weights of frozen networks, and what its run takes from another one when it begins.

    Attributes:
        initial: tensors by their names in the method's state dict, in place of new weights.
        continued: the checkpoint of another run that this one goes on from.
        frozen: the weights of the method's frozen networks, by their names in the method.
    """

    initial: Mapping[str, Tensor] | None = None
    continued: StartingPoint | None = None
    frozen: Mapping[str, Tensor] = field(default_factory=dict)

    def begin(self, run: Run, machine: Machine) -> None:
        """Copy what a continued run takes into its folder, if it has no checkpoint; call it with the training lock.

        Raises:
            RunError: the checkpoint is gone or damaged by now, or the run has logs of later steps.
            UgbenchError: the disk refuses a file.
        """
        if self.continued is None or run.checkpoint_steps():
            return
        if (logged := last_logged_step(run)) > self.continued.step:
            raise RunError(
                f"{run.path} has logs up to step {logged} and no checkpoint; put a whole checkpoint back, or give "
                f"--restart to begin again from {self.continued.name}."
            )
        continuation.begin(run, self.continued, machine, self.frozen)

    def check_is_used(self, run: Run) -> None:
        """Check that a run without an undamaged checkpoint does not begin with new weights if its config names others.

        Raises:
            RunError: it began from another run, and nothing was taken from that one now.
        """
        began_from = run.config.continue_from or run.config.init_from
        if began_from is not None and self.initial is None:
            raise RunError(
                f"{run.path} has no undamaged checkpoint, and it began from run {began_from}; to begin there again, "
                "add --restart."
            )
