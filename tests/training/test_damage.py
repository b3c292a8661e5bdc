"""Damaged checkpoints are named and set aside, training says where it goes on, and no log is lost without a word."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ugbench.errors import RunError
from ugbench.inference import translate
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training.callbacks import Callbacks
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=100, keep=2)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def write_manifest(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))


def of_other_bytes(folder: Path) -> None:
    """Bytes that are no safetensors file, with a manifest that fits them."""
    file = folder / "optimizer.safetensors"
    file.write_bytes(b"\xff" * 64)
    manifest = json.loads((folder / "manifest.json").read_text())
    files = manifest["files"] | {file.name: {"size": 64, "sha256": checkpoint.sha256_of(file)}}
    write_manifest(folder, files=files)


def without_optimizers(folder: Path) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    write_manifest(folder, files={"method.safetensors": files["method.safetensors"]})


def folder_for_file(folder: Path) -> None:
    (folder / "method.safetensors").unlink()
    (folder / "method.safetensors").mkdir()


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": lambda folder: flip(folder / "method.safetensors"),
    "a truncated file": lambda folder: cut(folder / "optimizer.safetensors"),
    "an empty file": lambda folder: (folder / "method.safetensors").write_bytes(b""),
    "a missing file": lambda folder: (folder / "optimizer.safetensors").unlink(),
    "a folder in place of a file": folder_for_file,
    "other bytes": of_other_bytes,
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "a manifest of null bytes": lambda folder: (folder / "manifest.json").write_bytes(b"\0" * 100),
    "a manifest that is a list": lambda folder: (folder / "manifest.json").write_text("[1]"),
    "a manifest without files": lambda folder: write_manifest(folder, files={}),
    "a manifest without the optimizers": without_optimizers,
    "a manifest of another kind": lambda folder: write_manifest(folder, files=[1], notes=None),
    "a manifest of another step": lambda folder: write_manifest(folder, step=4),
    "an empty folder": emptied,
}


@pytest.fixture
def whole(make_run: Callable[..., Run], images: Images) -> Run:
    """A run that was trained to its last step, 8, with checkpoints of the steps 6 and 8."""
    run = make_run("whole")
    train(run, images, CPU, EVERY_TWO)
    return run


@pytest.fixture
def copy(whole: Run, make_run: Callable[..., Run]) -> Run:
    run = make_run("copy")
    shutil.copytree(whole.path, run.path, dirs_exist_ok=True)
    return run


def state(run: Run) -> tuple[str, ...]:
    """Digests of the last checkpoint and of the generators, and the log."""
    parts = checkpoint.load(run.checkpoint(8)).parts
    generators, step = checkpoint.read_generators(run.generators_file)
    digests = [checkpoint.digest(tensors) for tensors in (*parts.values(), generators)]
    return (*digests, str(step), run.metrics_file.read_text())


def continued(run: Run, images: Images) -> tuple[int | None, list[str]]:
    """What training again returns and says."""
    said: list[str] = []
    return train(run, images, CPU, EVERY_TWO, Callbacks(log=said.append)), said


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_last_checkpoint_is_set_aside_and_its_steps_are_repeated_once(
    whole: Run, copy: Run, images: Images, damage: Callable[[Path], object]
) -> None:
    damage(copy.checkpoint(8))
    resumed_from, said = continued(copy, images)
    assert resumed_from == 6
    named, goes_on = said
    assert named.startswith(str(copy.checkpoint(8)))
    assert named.endswith(f"this checkpoint is set aside as {copy.checkpoints / 'damaged-8'}.")
    assert goes_on == "training goes on from step 6 of 8."
    assert state(copy) == state(whole)
    assert sorted(path.name for path in copy.checkpoints.iterdir()) == ["6", "8"]
    assert continued(copy, images) == (8, [])


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_where_every_checkpoint_is_damaged_nothing_is_cut_away_without_restart(
    whole: Run, copy: Run, images: Images, damage: Callable[[Path], object]
) -> None:
    for step in (6, 8):
        damage(copy.checkpoint(step))
    kept = {file: file.read_bytes() for file in (copy.metrics_file, copy.timing_file, copy.generators_file)}
    for _ in range(2):
        with pytest.raises(RunError, match=r"damaged-6.*damaged-8.*logs up to step 8; .* give --restart") as caught:
            train(copy, images, CPU, EVERY_TWO)
        assert str(caught.value).startswith(f"{copy.path} has only damaged checkpoints (")
    assert {file: file.read_bytes() for file in kept} == kept
    assert train(copy, images, CPU, EVERY_TWO, restart=True) is None
    assert state(copy) == state(whole)
    assert sorted(path.name for path in copy.checkpoints.iterdir()) == ["6", "8"]


def test_a_run_whose_checkpoints_were_removed_needs_restart_too(copy: Run, images: Images) -> None:
    shutil.rmtree(copy.checkpoints)
    log = copy.metrics_file.read_bytes()
    with pytest.raises(RunError, match="has no checkpoint, and logs up to step 8; "):
        train(copy, images, CPU, EVERY_TWO)
    copy.generators_file.unlink()
    with pytest.raises(RunError, match="has no checkpoint, and logs up to step 8; "):
        train(copy, images, CPU, EVERY_TWO)
    assert copy.metrics_file.read_bytes() == log


def test_a_run_that_ended_before_its_first_save_begins_again(
    whole: Run, make_run: Callable[..., Run], images: Images
) -> None:
    run = make_run("early")

    def end(done: int, _steps: int, _losses: object) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run, images, CPU, EVERY_TWO, Callbacks(on_step=end))
    assert run.metrics_file.read_text().count("\n") == 1
    assert continued(run, images) == (None, [])
    assert state(run) == state(whole)


def test_a_damaged_checkpoint_in_the_middle_of_a_training_goes_back_to_the_one_before(
    whole: Run, make_run: Callable[..., Run], images: Images
) -> None:
    run = make_run("middle")

    def end(done: int, _steps: int, _losses: object) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run, images, CPU, EVERY_TWO, Callbacks(on_step=end))
    flip(run.checkpoint(6) / "method.safetensors")
    seen: list[tuple[int, int]] = []

    def note(done: int, _steps: int, _losses: object) -> None:
        seen.append((done, checkpoint.read_generators(run.generators_file)[1]))

    assert train(run, images, CPU, EVERY_TWO, Callbacks(on_step=note)) == 4
    assert seen == [(5, 4), (6, 6), (7, 6), (8, 8)], "the generators were never newer than the checkpoint"
    assert state(run) == state(whole)


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink, lambda file: file.write_bytes(b"")])
def test_damaged_generators_are_named_by_translation_and_repaired_by_training(
    whole: Run, copy: Run, images: Images, damage: Callable[[Path], object]
) -> None:
    damage(copy.generators_file)
    with pytest.raises(RunError, match=r"generators\.safetensors is .*; to fix this, give the command again that tr"):
        translate.load(copy, CPU)
    resumed_from, said = continued(copy, images)
    assert resumed_from == 8
    assert [text.rpartition("; ")[2] for text in said] == ["it is written again from the checkpoint of step 8."]
    assert state(copy) == state(whole)


def test_generators_of_another_step_are_not_taken_for_those_of_the_last_checkpoint(
    whole: Run, copy: Run, images: Images
) -> None:
    tensors, _ = checkpoint.read_generators(copy.generators_file)
    checkpoint.write_generators(copy.generators_file, {name: tensor + 1 for name, tensor in tensors.items()}, 6)
    method, step = translate.load(copy, CPU)
    assert step == 8
    assert checkpoint.digest(method.generator.state_dict(prefix="generator.")) == checkpoint.digest(tensors)
    continued(copy, images)
    assert state(copy) == state(whole)


def test_generators_of_an_older_version_have_no_digest_and_are_read(copy: Run) -> None:
    tensors = load_file(copy.generators_file)
    save_file(tensors, copy.generators_file, {"step": "8"})
    assert translate.load(copy, CPU)[1] == 8


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_a_checkpoint_that_does_not_fit_the_method_is_refused_by_name_and_stays(
    copy: Run, images: Images, change: str
) -> None:
    saved = checkpoint.load(copy.checkpoint(8))
    weights = saved.parts["method"]
    if change == "missing":
        del weights["memory"]
    elif change == "unknown":
        weights["momentum"] = torch.zeros(2)
    else:
        weights["memory"] = torch.zeros(4)
    checkpoint.save(copy.checkpoints, saved)
    name, found = {
        "missing": ("memory", "no such tensor"),
        "unknown": ("momentum", r"\(2,\)"),
        "shape": ("memory", r"\(4,\)"),
    }[change]
    with pytest.raises(RunError, match=f"/8 has {found} for {name}, and the method has .*; put the method back"):
        train(copy, images, CPU, EVERY_TWO)
    assert copy.checkpoint_steps() == [6, 8]


def test_half_of_the_state_of_a_parameter_is_refused(copy: Run, images: Images) -> None:
    saved = checkpoint.load(copy.checkpoint(8))
    del saved.parts["optimizer"]["generators/generator.weight/exp_avg"]
    checkpoint.save(copy.checkpoints, saved)
    with pytest.raises(RunError, match=r"optimizer state of generators/generator\.weight does not fit"):
        train(copy, images, CPU, EVERY_TWO)
