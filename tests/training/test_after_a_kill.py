"""What a killed training left unfinished is finished or removed when its run is trained on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training.images import Images
from ugbench.training.loop import Intervals, train

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=100)


@pytest.fixture
def run(make_run: Callable[..., Run], images: Images) -> Run:
    """A finished run."""
    made = make_run()
    train(made, images, CPU, EVERY_TWO)
    return made


def digest(run: Run) -> str:
    return checkpoint.digest(checkpoint.read_generators(run.generators_file)[0])


def test_weights_that_a_kill_after_the_last_checkpoint_left_out_are_written(run: Run, images: Images) -> None:
    expected = digest(run)
    run.generators_file.unlink()
    assert train(run, images, CPU, EVERY_TWO) == run.steps
    assert digest(run) == expected


def test_older_weights_beside_the_last_checkpoint_are_replaced(run: Run, images: Images) -> None:
    expected = digest(run)
    tensors, step = checkpoint.read_generators(run.generators_file)
    older = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    checkpoint.write_tensors(run.generators_file, older, {"step": str(step - 2)})
    train(run, images, CPU, EVERY_TWO)
    assert digest(run) == expected


def test_unfinished_files_are_removed_and_nothing_else(run: Run, images: Images) -> None:
    before = set(run.path.rglob("*"))
    (run.checkpoints / ".4.4711").mkdir()
    (run.checkpoints / ".4.4711" / "method.safetensors").write_bytes(b"half of it")
    (run.path / ".generators.safetensors.4711").write_bytes(b"half of it")
    (run.path / ".metrics.jsonl.4711").write_bytes(b"half of it")
    train(run, images, CPU, EVERY_TWO)
    assert set(run.path.rglob("*")) == before
