"""Trackers: what they are given, once and in order, and that nothing they do touches the training."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from recording_tracker import Recorder
from toy_runs import Crash, crash_after

from ugbench.data.images import read_image
from ugbench.errors import NonFiniteLoss, RunError, Stopped, UgbenchError
from ugbench.runs import checkpoint
from ugbench.runs.folder import RunFolder
from ugbench.runs.run import Run
from ugbench.tracker import Tracker
from ugbench.training import tracking
from ugbench.training.callbacks import Callbacks
from ugbench.training.intervals import Intervals
from ugbench.training.loop import Images, train

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=4, keep=None)
LOSS, MEAN = "generators/adversarial", "memory/mean"

MakeRun = Callable[..., Run]


def lines(run: Run) -> list[dict[str, float]]:
    """metrics.jsonl."""
    return [json.loads(line) for line in run.metrics_file.read_text().splitlines()]


def train_with(
    run: Run, images: Images, recorder: Recorder, callbacks: Callbacks | None = None, restart: bool = False
) -> None:
    trackers: Mapping[str, Tracker] = {"recorder": recorder.tracker}
    train(run, images, CPU, EVERY_TWO, callbacks, None, restart, trackers=trackers)


def digest(run: Run) -> str:
    saved = checkpoint.load(run.checkpoint(run.steps))
    return checkpoint.digest({f"{part}/{name}": t for part in saved.parts for name, t in saved.parts[part].items()})


def test_a_tracker_gets_the_config_every_logged_value_each_grid_and_the_end(make_run: MakeRun, images: Images) -> None:
    run, recorder = make_run(), Recorder()
    train_with(run, images, recorder)
    (told,) = recorder.runs
    assert told.id.startswith(f"{run.id}-") and told.results == run.results
    assert told.config["run"] == run.id and told.config["method"] == "toy"
    assert (told.config["steps"], told.config["seed"], told.config["lr"]) == (8, 0, 0.01)
    assert told.name == f"toy on {run.dataset_folder.name}, seed 0"
    logged = [(line.pop("step"), line) for line in lines(run)]
    in_file = [(step, name, value) for step, line in logged for name, value in line.items()]
    assert [value for value in recorder.values if value[1] != "time/steps_per_second"] == in_file
    assert recorder.steps("time/steps_per_second") == list(range(1, 9))
    assert [(step, name) for step, name, _ in recorder.pictures] == [(4, "samples"), (8, "samples")]
    assert np.array_equal(recorder.pictures[1][2], np.asarray(read_image(run.sample_file(8))))
    assert recorder.ends == ["done"]


@pytest.mark.parametrize("step", [3, 4, 5, 7])
def test_a_training_that_was_killed_goes_on_in_the_same_run_of_the_tracker_without_a_step_twice(
    make_run: MakeRun, images: Images, step: int
) -> None:
    run, recorder = make_run(), Recorder()
    with pytest.raises(Crash):
        train_with(run, images, recorder, crash_after(step))
    assert recorder.steps(LOSS) == list(range(1, step + 1))
    train_with(run, images, recorder)
    assert len({told.id for told in recorder.runs}) == 1 and len(recorder.runs) == 2
    assert recorder.steps(LOSS) == recorder.steps(MEAN) == list(range(1, 9))
    assert [(at, name) for at, name, _ in recorder.pictures] == [(4, "samples"), (8, "samples")]
    assert recorder.ends == ["failed", "done"]


def test_a_training_that_begins_again_has_a_new_run_at_the_tracker(make_run: MakeRun, images: Images) -> None:
    run, recorder = make_run(), Recorder()
    train_with(run, images, recorder)
    train_with(run, images, recorder, restart=True)
    first, second = (told.id for told in recorder.runs)
    assert first != second
    assert recorder.steps(LOSS) == [*range(1, 9), *range(1, 9)]


def test_a_training_that_begins_again_without_a_tracker_forgets_what_was_sent(
    make_run: MakeRun, images: Images
) -> None:
    run = make_run()
    train_with(run, images, Recorder())
    assert run.tracking_file.exists()
    train(run, images, CPU, EVERY_TWO, restart=True)
    assert not run.tracking_file.exists()


def test_a_tracker_that_comes_later_gets_what_was_logged_before(make_run: MakeRun, images: Images) -> None:
    run, recorder = make_run(), Recorder()
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_TWO, crash_after(5))
    train_with(run, images, recorder)
    assert recorder.steps(LOSS) == list(range(1, 9))


def test_nothing_is_sent_twice_where_steps_are_repeated_after_one_that_is_not_finite(
    make_run: MakeRun, images: Images
) -> None:
    run, recorder = make_run(explode_at=5), Recorder()
    with pytest.raises(NonFiniteLoss):
        train_with(run, images, recorder)
    assert recorder.steps(LOSS) == [1, 2, 3, 4, 5]
    assert recorder.ends == ["failed"]


def test_a_training_that_a_signal_stops_ends_as_stopped(make_run: MakeRun, images: Images) -> None:
    def stop(done: int, _steps: int, _losses: object) -> None:
        if done == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    run, recorder = make_run(), Recorder()
    with pytest.raises(Stopped):
        train_with(run, images, recorder, Callbacks(on_step=stop))
    train_with(run, images, recorder)
    assert recorder.ends == ["stopped", "done"]
    assert recorder.steps(LOSS) == list(range(1, 9))


def test_a_tracker_changes_no_bit_of_the_training_whatever_it_does_to_random_numbers(
    make_run: MakeRun, images: Images
) -> None:
    def draw(_method: str) -> None:
        random.random(), np.random.rand(), torch.rand(3)
        random.seed(7), np.random.seed(7), torch.manual_seed(7)

    plain, tracked = make_run("plain"), make_run("tracked")
    train(plain, images, CPU, EVERY_TWO)
    train_with(tracked, images, Recorder(before=draw))
    assert tracked.metrics_file.read_bytes() == plain.metrics_file.read_bytes()
    assert digest(tracked) == digest(plain)
    assert tracked.id == plain.id


def test_a_tracker_that_fails_is_said_once_and_the_training_ends_with_the_same_bits(
    make_run: MakeRun, images: Images
) -> None:
    def fail(method: str) -> None:
        if method != "start":
            raise OSError("the server\nis gone.")

    plain, tracked, said = make_run("plain"), make_run("tracked"), list[str]()
    train(plain, images, CPU, EVERY_TWO)
    train_with(tracked, images, Recorder(before=fail), Callbacks(log=said.append))
    assert said == [
        "the tracker recorder has failed (OSError: the server); training goes on, and the tracker is tried again from "
        "time to time."
    ]
    assert tracked.metrics_file.read_bytes() == plain.metrics_file.read_bytes()
    assert digest(tracked) == digest(plain)


def test_a_tracker_that_failed_is_left_alone_for_a_while_and_then_gets_what_it_lacks(
    make_run: MakeRun, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def fail_at_third(method: str) -> None:
        nonlocal calls
        calls += method == "scalars"
        if calls == 3:
            raise OSError("no route")

    now = 0.0
    monkeypatch.setattr(tracking.time, "monotonic", lambda: now)

    def clock(done: int, _steps: int, _losses: object) -> None:
        nonlocal now
        now = 0.0 if done < 6 else tracking.PAUSE + 1
        if done == 5:
            assert recorder.steps(LOSS) == [1, 2], "the pause has not passed"

    recorder = Recorder(before=fail_at_third)
    train_with(make_run(), images, recorder, Callbacks(on_step=clock))
    assert recorder.steps(LOSS) == list(range(1, 9))
    assert recorder.ends == ["done"]


def test_what_a_tracker_lacks_at_the_end_is_tried_once_more(make_run: MakeRun, images: Images) -> None:
    def fail_until(step: int) -> Callable[[str], None]:
        def fail(method: str) -> None:
            if method == "scalars" and len(lines(run)) < step:
                raise OSError("no route")

        return fail

    run = make_run()
    recorder = Recorder(before=fail_until(8))
    train_with(run, images, recorder)
    assert recorder.steps(LOSS) == list(range(1, 9))


def test_a_tracker_that_cannot_start_ends_the_call_before_the_first_step_and_removes_nothing(
    make_run: MakeRun, images: Images
) -> None:
    def refuse(_method: str) -> None:
        raise OSError("connection refused")

    run, first = make_run(), Recorder()
    with pytest.raises(UgbenchError, match=r"--track recorder could not be started \(OSError: connection refused\); c"):
        train_with(run, images, Recorder(before=refuse))
    assert run.step() == 0 and not run.metrics_file.exists()
    train(run, images, CPU, EVERY_TWO)
    with pytest.raises(UgbenchError, match="could not be started"):
        train(
            run,
            images,
            CPU,
            EVERY_TWO,
            restart=True,
            trackers={"a": first.tracker, "b": Recorder(before=refuse).tracker},
        )
    assert run.step() == 8 and first.ends == ["failed"]
    assert first.values == [] and not run.tracking_file.exists(), "what it would restart is another training"


def test_a_disk_that_refuses_tracking_json_is_said_once_and_the_training_goes_on(
    make_run: MakeRun, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: object, content: object) -> None:
        raise UgbenchError("tracking.json could not be written.")

    monkeypatch.setattr(tracking, "write_json", refuse)
    run, recorder, said = make_run(), Recorder(), list[str]()
    train_with(run, images, recorder, Callbacks(log=said.append))
    assert said == ["tracking.json could not be written."]
    assert recorder.steps(LOSS) == list(range(1, 9))


@pytest.mark.parametrize("text", ["{}", '{"id": "../../elsewhere"}', '{"id": 3, "steps": {}}', "[]"])
def test_a_tracking_json_that_holds_something_else_is_refused(make_run: MakeRun, images: Images, text: str) -> None:
    run = make_run()
    RunFolder(run.path).tracking_file.write_text(text)
    with pytest.raises(RunError, match=r"tracking\.json.*remove it"):
        train_with(run, images, Recorder())
    train(run, images, CPU, EVERY_TWO)  # without a tracker nobody reads it
