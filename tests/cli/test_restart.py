"""`train --restart` deletes last: after every check, under the lock, and never beside another training."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import call_in

from ugbench.runs import reset as reset_module
from ugbench.runs.run import Run, read_run
from ugbench.training import loop, opening

DIAL = "dial:size=32,train=6,test=2"
TRAIN = ["train", "cyclegan", "--dataset", DIAL, "--preset", "smoke", "--size", "32", "--batch-size", "1"]
TRAIN += ["--set", "channels=4,blocks=1,discriminator_channels=4", "--log-every", "1"]
TWO_STEPS = [*TRAIN, "--steps", "2"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two steps that was trained and scored."""
    folder = tmp_path_factory.mktemp("trained")
    report = json.loads(call_in(folder, *TWO_STEPS, "--json").stdout)
    call_in(folder, "eval", report["id"], "--metric", "changed")
    return folder


@pytest.fixture
def run(tmp_path: Path, trained: Path) -> Run:
    """A copy of that run in the test's own folder."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    (folder,) = (tmp_path / "results").glob("*/cyclegan/*")
    return read_run(folder)


def test_a_restarted_run_has_lost_its_scores_and_is_trained_to_the_same_bits(tmp_path: Path, run: Run) -> None:
    before = contents(run.path)
    result = call_in(tmp_path, *TWO_STEPS, "--restart", "--json")
    assert json.loads(result.stdout)["resumed_from"] is None
    assert "done, at step 2." in result.stderr
    after = contents(run.path)
    assert "scores.jsonl" in before and "scores.jsonl" not in after
    assert not any(name.startswith(("outputs/", "single/")) for name in after)
    for name in ("metrics.jsonl", "checkpoints/2/method.safetensors", "checkpoints/2/optimizer.safetensors"):
        assert after[name] == before[name]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["--size", "50"], "size: 50"),
        (["--keep", "some"], "--keep some"),
        (["--save-every", "soon"], "--save-every"),
        (["--init-from", "ffffff"], "starts with 'ffffff'"),
        (["--set", "chanels=8"], "chanels"),
        (["--direction", "A2B"], "--direction A2B"),
    ],
)
def test_a_call_that_is_refused_removes_nothing(tmp_path: Path, run: Run, wrong: list[str], says: str) -> None:
    before = contents(tmp_path / "results")
    assert says in call_in(tmp_path, *TWO_STEPS, "--restart", *wrong, code=2).stderr
    assert contents(tmp_path / "results") == before


def test_an_unreadable_training_image_and_unfit_weights_remove_nothing(tmp_path: Path, run: Run) -> None:
    data = next((tmp_path / "datasets").iterdir())
    image = data / "trainA" / "00000.png"
    pixels = image.read_bytes()
    before = contents(run.path)
    image.write_bytes(b"no image")
    call_in(tmp_path, *TWO_STEPS, "--restart", code=2)
    assert contents(run.path) == before
    image.write_bytes(pixels)
    (run.checkpoint(2) / "method.safetensors").write_bytes(b"damaged")
    start = [*TWO_STEPS, "--seed", "1"]
    call_in(tmp_path, *start, "--init-from", run.id, code=2)
    assert len(list((tmp_path / "results").glob("*/*/*/config.json"))) == 1, "a refused start left a run behind"


def test_weights_that_the_method_refuses_at_the_last_moment_remove_nothing(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> Any:
        raise MemoryError("DefaultCPUAllocator: not enough memory")

    before = contents(run.path)
    monkeypatch.setattr(loop, "new_state", fail)
    call_in(tmp_path, *TWO_STEPS, "--restart", code=1)
    after = contents(run.path)
    del after["failure.json"]
    assert after == before


def test_beside_a_running_training_it_is_refused_and_the_training_goes_on(tmp_path: Path) -> None:
    words = [*TRAIN, "--steps", "400", "--save-every", "5"]
    place = ["--results", tmp_path / "results", "--data-root", tmp_path / "datasets", "--device", "cpu"]
    command = [sys.executable, "-m", "ugbench", *map(str, [*words, *place])]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while not list((tmp_path / "results").glob("*/*/*/checkpoints/5/manifest.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    (folder,) = (tmp_path / "results").glob("*/*/*")
    environment = (folder / "environment.json").read_bytes()
    refused = call_in(tmp_path, *words, "--restart", code=2)
    assert refused.stderr.splitlines()[-1].startswith(f"error: {folder} is being trained by another process")
    assert (folder / "environment.json").read_bytes() == environment
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75, stderr
    assert "Traceback" not in stderr
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) >= 5


def test_no_other_process_can_take_the_run_between_the_reset_and_the_training(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    for module, name in ((opening, "reset"), (opening, "resume"), (loop, "save")):
        real = getattr(module, name)

        def watched(*args: Any, real: Any = real, **options: Any) -> Any:
            seen.append(run.is_being_trained())
            return real(*args, **options)

        monkeypatch.setattr(module, name, watched)
    call_in(tmp_path, *TWO_STEPS, "--restart")
    assert len(seen) >= 3 and all(seen)


def test_a_reset_that_is_interrupted_is_finished_by_the_same_command(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run.metrics_file.read_bytes()

    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reset_module.shutil, "rmtree", killed)
    call_in(tmp_path, *TWO_STEPS, "--restart", code=1)
    monkeypatch.undo()
    call_in(tmp_path, *TWO_STEPS, "--restart")
    assert not run.scores_file.exists()
    assert run.metrics_file.read_bytes() == expected
