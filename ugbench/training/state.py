"""The state of a training: made new from the seed, loaded from the last checkpoint of the run, and saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ugbench import registry
from ugbench.data.seeding import generator_for
from ugbench.method import Method
from ugbench.nn.across_ranks import ALONE, Ranks
from ugbench.runs import checkpoint
from ugbench.runs.json_file import flush_to_disk
from ugbench.runs.run import Run
from ugbench.training import environment, resuming
from ugbench.training.averaging import MovingAverage
from ugbench.training.compiling import CompiledNetworks
from ugbench.training.frozen import fill_frozen
from ugbench.training.intervals import Intervals
from ugbench.training.loss_scale import LossScale
from ugbench.training.machine import Machine, resume_on
from ugbench.training.optimizers import load_state_tensors, state_tensors
from ugbench.training.ready import made_ready
from ugbench.training.start import Start
from ugbench.training.step import Phases

LOSS_SCALE = "loss_scale"
"""The note of a checkpoint that holds the fields of the loss scale."""
LOSSES = "losses"
"""The note of a checkpoint that holds the loss terms of the earlier steps of a period."""


@dataclass
class State:
    """What changes while a run trains: the networks, the optimizers (in `phases`), the moving average of the networks
    that translate, if the config has one, and the number of steps done. `machine` computes it; `compiled` has the same
    networks, if they are compiled.
    """

    method: Method
    phases: Phases
    machine: Machine
    average: MovingAverage | None = None
    step: int = 0
    compiled: CompiledNetworks | None = None

    def translating(self) -> dict[str, Tensor]:
        """The tensors of the networks that translate, by their names in the method."""
        return checkpoint.inference_state(self.method) | (self.average.tensors if self.average else {})


def new_state(
    run: Run,
    device: torch.device,
    start: Start,
    ranks: Ranks = ALONE,
    compiled: bool = False,
    captured: bool = False,
) -> State:
    """The state before the first step; new weights depend only on the run's seed, not on the device.

    Args:
        ranks: the processes that train together; each has the whole state.
        compiled: compile the networks.
        captured: steps are to be recorded and replayed.
    Raises:
        WeightsError: a frozen network has no weights.
        UgbenchError: see `made_ready`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_for(run.seed, "weights").initial_seed())
        method = registry.load_method(run.config.method)(run.config.method_config())
    if start.initial is not None:
        method.load_state_dict(dict(start.initial), strict=False)  # prepare has checked what is missing
    fill_frozen(method, start.frozen)
    phases = made_ready(method, device, run.config.precision, ranks)
    average = MovingAverage(method, method.config.ema) if method.config.ema else None
    networks = CompiledNetworks(method, keeps_graphs=phases.loss_scale is not None) if compiled else None
    return State(method, phases, Machine(device, ranks.count, compiled, captured), average, compiled=networks)


def resume(state: State, run: Run, intervals: Intervals, log: Callable[[str], None]) -> int | None:
    """Load the newest undamaged checkpoint into `state` and return its step; None if the run begins at step 0.

    Of several ranks the first one also writes what a resume writes; the others call this after it.

    Raises:
        RunError: a checkpoint does not fit the method, or all checkpoints of a run that was saved are gone.
    """
    ranks = state.phases.ranks
    saved = checkpoint.load_latest(run.checkpoints, log)
    if saved is None:
        resuming.check_nothing_is_lost(run, intervals)
        if ranks.is_first:
            environment.record_start(run, state.machine)
        return None
    folder = run.checkpoint(saved.step)
    resuming.check_fit(folder, saved.parts["method"], state.method.state_dict())
    state.method.load_state_dict(saved.parts["method"])
    if state.average is not None:
        resuming.check_fit(folder, saved.parts.get(checkpoint.AVERAGE, {}), state.average.tensors)
        for name, tensor in state.average.tensors.items():
            tensor.copy_(saved.parts[checkpoint.AVERAGE][name])
    load_state_tensors(state.phases.optimizers, saved.parts["optimizer"])
    state.phases.restore_losses(saved.notes.get(LOSSES, {}))
    if LOSS_SCALE in saved.notes:
        state.phases.loss_scale = LossScale(**saved.notes[LOSS_SCALE])
    state.step = saved.step
    if saved.step < run.steps:
        log(f"training goes on from step {saved.step} of {run.steps}.")
        resume_on(state.machine, saved.notes, log)
        if ranks.is_first:
            environment.record_resume(run, state.machine, saved.step)
    if ranks.is_first:
        resuming.repair_generators(run, state.translating(), saved.step, log)
    return saved.step


def save(state: State, run: Run, keep: int | None, extra: bool = False) -> None:
    """Save a checkpoint of the last step, unless there is one, and the weights that translation needs.

    Args:
        keep: how many regular checkpoints stay; None keeps all.
        extra: the checkpoint is not one of the regular ones; the next save removes it.
    Raises:
        DiskError: the disk refuses a file.
    """
    if run.metrics_file.exists():  # must be on the disk before a checkpoint of the same step
        flush_to_disk(run.metrics_file)
    if state.step not in run.checkpoint_steps():
        notes = {**state.machine.notes(), checkpoint.EXTRA: extra}
        if state.phases.loss_scale is not None:
            notes |= {LOSS_SCALE: asdict(state.phases.loss_scale)}
        if earlier := state.phases.earlier_losses():
            notes |= {LOSSES: earlier}
        parts = {"method": state.method.state_dict(), "optimizer": state_tensors(state.phases.optimizers)}
        if state.average is not None:
            parts[checkpoint.AVERAGE] = state.average.tensors
        checkpoint.save(run.checkpoints, checkpoint.Checkpoint(state.step, parts, notes))
        checkpoint.prune(run.checkpoints, keep)
    checkpoint.write_generators(run.generators_file, state.translating(), state.step)
