"""Checkpoints are whole or not there, and damage is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ugbench.errors import RunError, UgbenchError
from ugbench.runs import checkpoint
from ugbench.runs.checkpoint import Checkpoint
from ugbench.runs.folder import checkpoint_steps


def some(step: int = 3) -> Checkpoint:
    return Checkpoint(step, {"method": {"w": torch.arange(4.0)}, "optimizer": {"m": torch.ones(2)}}, {"threads": 1})


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, some())
    found = checkpoint.load(tmp_path / "3")
    assert found.step == 3
    assert found.notes == {"threads": 1}
    assert checkpoint.digest(found.parts["method"]) == checkpoint.digest(some().parts["method"])


def test_optimizers_without_a_state_are_saved_too(tmp_path: Path) -> None:
    """As before the first step, and with SGD without momentum."""
    checkpoint.save(tmp_path, Checkpoint(0, {"method": {"w": torch.ones(2)}, "optimizer": {}}, {}))
    assert checkpoint.load(tmp_path / "0").parts["optimizer"] == {}


@pytest.mark.parametrize("file", ["method.safetensors", "optimizer.safetensors"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_file_is_named(tmp_path: Path, file: str, damage: str) -> None:
    path = checkpoint.save(tmp_path, some()) / file
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:-1])
    else:
        content[-1] ^= 1
        path.write_bytes(content)
    with pytest.raises(RunError, match=f"{file} differs from its manifest"):
        checkpoint.load(tmp_path / "3")


def test_without_a_manifest_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    (checkpoint.save(tmp_path, some()) / "manifest.json").unlink()
    with pytest.raises(RunError, match=r"manifest\.json is missing or damaged"):
        checkpoint.load(tmp_path / "3")


def test_a_save_that_fails_leaves_nothing_behind_and_the_older_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tmp_path, some(3))

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(UgbenchError, match="No space left on device"):
        checkpoint.save(tmp_path, some(4))
    assert [entry.name for entry in tmp_path.iterdir()] == ["3"]


def test_a_digest_tells_states_apart_by_name_shape_type_and_value() -> None:
    base = {"w": torch.zeros(2, 2)}
    assert checkpoint.digest(base) == checkpoint.digest({"w": torch.zeros(2, 2)})
    others = [
        {"v": torch.zeros(2, 2)},
        {"w": torch.zeros(4)},
        {"w": torch.zeros(2, 2).double()},
        {"w": torch.ones(2, 2)},
    ]
    assert len({checkpoint.digest(base), *map(checkpoint.digest, others)}) == 5


def test_pruning_keeps_the_newest(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        checkpoint.save(tmp_path, some(step))
    checkpoint.prune(tmp_path, 2)
    assert checkpoint_steps(tmp_path) == [10, 100]
    checkpoint.prune(tmp_path, None)
    assert checkpoint_steps(tmp_path) == [10, 100]


def test_pruning_removes_extra_checkpoints_but_the_newest_and_does_not_count_them(tmp_path: Path) -> None:
    extra = {checkpoint.EXTRA: True}
    for step, notes in ((10, {}), (15, extra), (20, {}), (25, extra), (27, extra)):
        checkpoint.save(tmp_path, Checkpoint(step, some().parts, notes))
    checkpoint.prune(tmp_path, None)
    assert checkpoint_steps(tmp_path) == [10, 20, 27]
    checkpoint.prune(tmp_path, 1)
    assert checkpoint_steps(tmp_path) == [20, 27]
