"""`ugbench.train`: one run however it is started, messages, interrupts and errors."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from commands import call_json
from recording_tracker import Recorder

import ugbench
from ugbench import registry
from ugbench.errors import ConfigError, Stopped, UnknownName, UsageError
from ugbench.training import capture

Train = Callable[..., ugbench.Run]


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The tracker that is called `recorder`."""
    recorder = Recorder()
    monkeypatch.setattr(registry, "load_tracker", {"recorder": recorder.tracker}.__getitem__)
    return recorder


def test_the_same_call_again_finds_the_finished_run(train: Train, run: ugbench.Run) -> None:
    log = (run.path / "metrics.jsonl").read_bytes()
    again = train()
    assert again == run
    assert (again.step, again.status) == (2, "done")
    assert (run.path / "metrics.jsonl").read_bytes() == log


def test_the_command_line_finds_the_run_of_python(run: ugbench.Run, home: Path) -> None:
    words = ["train", "ugatit", "--dataset", "dial:shape=0,texture=1,size=32", "--preset", "smoke", "--size", 32]
    printed = call_json(*words, "--steps", 2, "--device", "cpu")
    assert (printed["id"], printed["status"]) == (run.id, "done")


def test_a_changed_field_of_the_config_is_another_run(train: Train, run: ugbench.Run) -> None:
    other = train(set={"cycle_weight": 5.0})
    assert other.config["cycle_weight"] == 5.0
    assert other != run


def test_nothing_is_printed_without_progress(
    train: Train, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ugbench"):
        quiet = train(seed=1)
    assert capfd.readouterr() == ("", "")
    assert f"run {quiet.id} in {quiet.path}" in caplog.messages


def test_messages_are_printed_on_stderr(train: Train, capfd: pytest.CaptureFixture[str]) -> None:
    loud = train(seed=1, progress=True)
    printed = capfd.readouterr()
    assert printed.out == ""
    assert f"run {loud.id}" in printed.err
    assert "done, at step 2." in printed.err


@pytest.fixture
def interrupt_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """`interrupt_at(step, number)` sends this process a signal in this step of the next training."""

    def arrange(step: int, number: int) -> None:
        train_step, steps = capture.train_step, iter(range(1, 1000))

        def counted(*arguments: object) -> None:
            if next(steps) == step:
                os.kill(os.getpid(), number)
            train_step(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(capture, "train_step", counted)

    return arrange


def test_an_interrupt_saves_the_run_and_the_same_call_goes_on(
    train: Train, interrupt_at: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(seed=2, steps=3, results="whole")
    with monkeypatch.context() as patch:
        interrupt_at(2, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt, match="stopped and saved at step 2 of 3; run the same call again"):
            train(seed=2, steps=3)
        patch.undo()
    monkeypatch.undo()
    (stopped,) = [run for run in ugbench.list_runs() if run.id == whole.id]
    assert (stopped.step, stopped.status) == (2, "stopped")
    assert train(seed=2, steps=3).step == 3
    assert (stopped.path / "metrics.jsonl").read_bytes() == (whole.path / "metrics.jsonl").read_bytes()


def test_a_scheduler_that_ends_the_job_is_no_interrupt(train: Train, interrupt_at: Callable[[int, int], None]) -> None:
    interrupt_at(1, signal.SIGTERM)
    with pytest.raises(Stopped, match="stopped and saved at step 1"):
        train(seed=3)


def test_an_interrupt_before_the_first_step_is_a_keyboard_interrupt(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ugbench.training import session

    monkeypatch.setattr(session, "prepare", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt, match="before the first step"):
        train(seed=4)


def test_signals_do_after_a_training_what_they_did_before(train: Train, run: ugbench.Run) -> None:
    before = signal.getsignal(signal.SIGINT)
    train()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_training_in_another_thread_needs_no_signals(train: Train) -> None:
    runs: list[ugbench.Run] = []
    thread = threading.Thread(target=lambda: runs.append(train(seed=5)))
    thread.start()
    thread.join()
    assert runs[0].step == 2


def test_images_that_stay_on_the_disk_give_the_same_run(train: Train, tmp_path: Path) -> None:
    runs = [train(results=tmp_path / place, images=place) for place in ("memory", "disk")]
    assert runs[0].id == runs[1].id
    assert len({(run.path / "metrics.jsonl").read_bytes() for run in runs}) == 1
    assert len({(run.path / "generators.safetensors").read_bytes() for run in runs}) == 1


def test_a_training_that_goes_on_leaves_the_number_of_threads_as_it_was(train: Train) -> None:
    begun = train(seed=6)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        train(seed=6, steps=3, continue_from=begun)  # takes the threads that the run began with
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"size": 3}, UsageError, "size=3: give a whole number of 8 or more"),
        ({"size": (32, 4)}, UsageError, r"size=\(32, 4\): give a whole number of 8 or more, or a width and a height"),
        ({"size": "32x"}, UsageError, "size='32x': give a whole number of 8 or more"),
        ({"size": (32, 30)}, ConfigError, "size: 32x30 was given; width and height are multiples of 4"),
        ({"size": (32, 64), "set": {"size": 32}}, UsageError, r'set=\{"size": 32\}: size says 32x64; give one of them'),
        ({"steps": 0}, UsageError, "steps=0: give a whole number of 1 or more"),
        ({"seed": -1}, UsageError, "seed=-1: give a whole number of 0 or more"),
        ({"seed": True}, UsageError, "seed=True: give a whole number"),
        (
            {"seed": 2**63 + 1},
            UsageError,
            "^seed 9223372036854775809: give a number from 0 to 9,223",
        ),
        ({"steps": 10**12 + 1}, ConfigError, "^steps: 1000000000001 was given; .* less than or equal to 1000000000000"),
        ({"steps": 4.5}, UsageError, "steps=4.5: give a whole number"),
        ({"preset": "smok"}, UnknownName, "did you mean 'smoke'"),
        ({"variant": "no-cm"}, UnknownName, "did you mean 'no-cam'"),
        ({"set": {"cycle_wight": 1}}, UnknownName, "did you mean 'cycle_weight'"),
        ({"set": {"cycle_weight": "much"}}, ConfigError, "cycle_weight"),
        ({"set": {"steps": 3}}, UsageError, r'set=\{"steps": 3\}: steps says 2; give one of them'),
        ({"direction": "A2C"}, UnknownName, "no direction is called 'A2C'"),
        ({"direction": "A2B"}, UsageError, "^direction A2B: ugatit learns both directions"),
        ({"device": "tpu"}, UsageError, "^device tpu: not a device"),
        ({"images": "disc"}, UnknownName, "did you mean 'disk'"),
        ({"precision": "fp64"}, UsageError, "^precision fp64: not a precision"),
        ({"weights": {"vgg": "nowhere.pth"}}, UsageError, "weights vgg=nowhere.pth: there is no such file"),
        ({"init_from": "abc"}, UsageError, "no run under results"),
    ],
)
def test_a_wrong_argument_is_one_sentence_in_words_of_python(
    train: Train, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        train(**arguments)
    assert isinstance(raised.value, ugbench.UgbenchError)
    assert "--" not in str(raised.value)


def test_a_file_in_the_place_of_the_results_is_refused(train: Train, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(UsageError, match="that is a file; name a folder"):
        train(results=tmp_path / "results")


def test_a_run_can_start_from_another_one(train: Train, run: ugbench.Run) -> None:
    longer = train(continue_from=run, steps=4)
    assert longer.step == 4
    assert longer.stored.config.continue_from == f"{run.id}@2"


def test_a_training_is_scored_and_shown_while_it_runs(
    home: Path, train: Train, run: ugbench.Run, recording: Recorder
) -> None:
    watched = train(results="watched", eval_every=1, extractor="random", track=["recorder"])
    assert watched.id == run.id
    assert (watched.path / "metrics.jsonl").read_bytes() == (run.path / "metrics.jsonl").read_bytes()
    kids = watched.evaluate(metrics=["kid"], extractor="random", progress=False)
    shown = {name: value for step, name, value in recording.values if step == 2 and name.startswith("score/")}
    assert shown == {f"score/kid/{row.direction}": row.value for row in kids.itertuples()}
    assert recording.steps("score/kid/A2B") == [1, 2]
    assert recording.ends == ["done"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"extractor": "random"}, "extractor 'random' goes with eval_every; give that argument too."),
        ({"eval_every": 0}, "eval_every=0: give a whole number of 1 or more."),
        ({"eval_every": 1}, 'weights={"inception": '),
        ({"track": "wandbb"}, "no tracker is called 'wandbb'; did you mean 'wandb'?"),
    ],
)
def test_what_cannot_be_watched_is_refused_in_the_words_of_python(
    train: Train, arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        train(results="refused", **arguments)
    assert said in str(refused.value)
    assert not Path("refused").exists()
