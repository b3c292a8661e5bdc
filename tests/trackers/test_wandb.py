"""Weights & Biases, offline: what its files hold, and what is said where it cannot be used."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from wandb.proto.wandb_internal_pb2 import Record

from ugbench.errors import UsageError
from ugbench.registry import load_tracker
from ugbench.tracker import Image, TrackedRun

BLOCK, HEADER = 32768, 7  # bytes of LevelDB's log format, in which Weights & Biases writes


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is sent, and no setting of the developer is read."""
    for name in ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def records(file: Path) -> Iterator[Any]:
    """The records in a .wandb file: chunks with a header of checksum, size and kind, in blocks, after 7 bytes."""
    content, place, record = file.read_bytes(), HEADER, b""
    while place + HEADER <= len(content):
        left = BLOCK - place % BLOCK
        if left < HEADER:
            place += left
            continue
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        record += content[place + HEADER : place + HEADER + size]
        place += HEADER + size
        if kind in (1, 4):  # a whole record, or its last part
            yield Record.FromString(record)
            record = b""


def written(results: Path) -> list[list[Any]]:
    """The records of each training, oldest first, once the process that writes them has written the last one."""
    deadline = time.monotonic() + 60
    while True:
        trainings = [list(records(file)) for file in sorted(results.glob("wandb/offline-run-*/*.wandb"))]
        if all(any(record.HasField("exit") for record in training) for training in trainings):
            return trainings
        assert time.monotonic() < deadline
        time.sleep(0.05)


def history(training: list[Any]) -> list[tuple[int, str, str]]:
    """(step, name, value as JSON) of all that was logged, sorted: the values of one step have no order there."""
    items = [
        (record.history.step.num, item.key or item.nested_key[0], item.value_json)
        for record in training
        if record.WhichOneof("record_type") == "history"
        for item in record.history.item
    ]
    return sorted(item for item in items if not item[1].startswith("_"))


def test_its_files_hold_the_config_the_values_the_images_and_the_end(run: TrackedRun, image: Image) -> None:
    before = random.getstate(), np.random.get_state()[1].tolist()
    training = load_tracker("wandb").start(run)
    training.scalars(1, {"generators/cycle_a": 0.5, "lr/generators": 0.1})
    training.scalars(1, {"score/kid/A2B": 0.25})
    training.images(2, {"attention/A2B/cam": image})
    training.end("done")
    assert before == (random.getstate(), np.random.get_state()[1].tolist())
    ((*told,),) = written(run.results)
    (begun,) = [record.run for record in told if record.WhichOneof("record_type") == "run"]
    assert (begun.run_id, begun.project, begun.display_name, begun.run_group) == (run.id, "ugbench", run.name, "cats")
    config = {item.key: item.value_json for item in begun.config.update}
    assert {name: config[name] for name in run.config} == {
        **{"method": '"cut"', "lr": "0.1", "light": "true", "variant": "null", "layers": "[0,4]", "steps": "8"}
    }
    logged = history(told)
    assert logged[:3] == [
        (1, "generators/cycle_a", "0.5"),
        (1, "lr/generators", "0.1"),
        (1, "score/kid/A2B", "0.25"),
    ]
    assert {(step, name) for step, name, _ in logged[3:]} == {(2, "attention/A2B/cam")}
    (file,) = run.results.glob("wandb/offline-run-*/files/media/images/**/*.png")
    assert np.array_equal(np.asarray(PillowImage.open(file)), image)
    (end,) = [record.exit for record in told if record.WhichOneof("record_type") == "exit"]
    assert end.exit_code == 0


def test_a_second_training_goes_on_in_the_same_run(run: TrackedRun) -> None:
    for step, status in ((1, "stopped"), (2, "failed")):
        training = load_tracker("wandb").start(run)
        training.scalars(step, {"loss": step})
        training.end(status)
    first, second = written(run.results)
    assert history(first) + history(second) == [(1, "loss", "1"), (2, "loss", "2")]
    kinds = [[record.WhichOneof("record_type") for record in training] for training in (first, second)]
    assert ["preempting" in each for each in kinds] == [True, False]
    ends = [record.exit.exit_code for training in (first, second) for record in training if record.HasField("exit")]
    assert ends == [75, 1]
    ids = {record.run.run_id for training in (first, second) for record in training if record.HasField("run")}
    assert ids == {run.id}


def test_its_variables_name_the_project_and_the_folder(
    run: TrackedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "cats-and-dogs")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    load_tracker("wandb").start(run).end("done")
    ((*told,),) = written(tmp_path)
    assert [record.run.project for record in told if record.HasField("run")] == ["cats-and-dogs"]
    assert not run.results.exists()


def test_offline_needs_no_login_and_online_without_one_is_refused(tmp_path: Path) -> None:
    load_tracker("wandb").check()
    code = "from ugbench.registry import load_tracker; load_tracker('wandb').check()"
    # In a process of its own: Weights & Biases reads its settings once.
    environment = {"HOME": str(tmp_path), "PATH": "", "WANDB_MODE": "online"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ugbench.errors.UsageError: --track wandb: nobody is logged in to Weights & Biases here; run `wandb login`, "
        "set WANDB_API_KEY, or set WANDB_MODE=offline to write files that `wandb sync` sends later."
    )


def test_a_server_that_refuses_or_cannot_be_reached_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    def login(prompt: bool) -> bool:
        raise wandb.errors.AuthenticationError("no route to the server.\nmore")

    monkeypatch.setattr(wandb, "setup", lambda: SimpleNamespace(settings=SimpleNamespace(mode="online")))
    monkeypatch.setattr(wandb, "login", login)
    with pytest.raises(UsageError) as caught:
        load_tracker("wandb").check()
    assert str(caught.value) == (
        "--track wandb: Weights & Biases cannot be reached, or refuses the key (no route to the server); set "
        "WANDB_MODE=offline to write files that `wandb sync` sends later."
    )


def test_without_its_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UsageError, match=r"--track wandb needs wandb; install with `pip install 'ugbench\[wandb\]'`\."):
        load_tracker("wandb").check()
