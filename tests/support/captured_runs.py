"""Trainings whose steps are recorded and replayed on a CPU, and what they leave."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recorded_operations import RecordedOperations
from toy_runs import Crash, crash_after

from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training import capture
from ugbench.training.execution import Execution
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=3, keep=None)
CAPTURED, USUAL = Execution(capture="on"), Execution(capture="off")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> RecordedOperations:
    """What `Execution(capture="on")` records with."""
    operations = RecordedOperations()
    monkeypatch.setattr(capture, "CudaRecorder", lambda _device: operations)
    return operations


def trained(run: Run, images: Images, execution: Execution, *kills: int) -> tuple[bytes, dict[str, Any]]:
    """Train with a kill after each of these steps; the log, and the digests of all that the checkpoints hold."""
    for kill in kills:
        with pytest.raises(Crash):
            train(run, images, CPU, EVERY_TWO, crash_after(kill), execution=execution)
    train(run, images, CPU, EVERY_TWO, execution=execution)
    return run.metrics_file.read_bytes(), contents(run)


def contents(run: Run) -> dict[str, Any]:
    """What the checkpoints of a run hold, except whether its steps were captured."""
    saved = {step: checkpoint.load(run.checkpoint(step)) for step in run.checkpoint_steps()}
    digests = {
        f"{step} {part}": checkpoint.digest(tensors) for step, c in saved.items() for part, tensors in c.parts.items()
    }
    notes = {step: {key: note for key, note in c.notes.items() if key != "captured"} for step, c in saved.items()}
    return digests | {f"{step} notes": note for step, note in notes.items()}
