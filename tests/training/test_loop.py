"""Training: resuming gives the same bits, non-finite steps change nothing, signals save."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from toy_runs import Crash, Toy, crash_after

from ugbench import registry
from ugbench.data.images import read_image
from ugbench.data.tensors import to_tensor
from ugbench.errors import NonFiniteLoss, RunError, Stopped
from ugbench.method import Batch, Phase
from ugbench.runs import checkpoint, jsonl
from ugbench.runs.run import Run, open_run
from ugbench.training import intervals as intervals_module
from ugbench.training import state
from ugbench.training.callbacks import Callbacks
from ugbench.training.images import Images
from ugbench.training.intervals import SAVE_SECONDS, Intervals
from ugbench.training.loop import train
from ugbench.training.signals import STOP_SIGNALS, stop_at_once_on_signals, stop_on_signals
from ugbench.training.start import Start
from ugbench.training.state import new_state

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=100, keep=None)


def final_digest(run: Run) -> str:
    saved = checkpoint.load(run.checkpoints / str(run.steps))
    return checkpoint.digest(
        {f"{part}/{name}": t for part, tensors in saved.parts.items() for name, t in tensors.items()}
    )


def crash_and_go_on(run: Run, images: Images, step: int) -> None:
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_TWO, crash_after(step))
    assert train(run, images, CPU, EVERY_TWO) == (step // 2 * 2 or None)


@pytest.mark.parametrize("step", range(1, 8))
def test_a_run_killed_after_any_step_ends_with_the_same_bits_and_the_same_log(
    make_run: Callable[..., Run], images: Images, step: int
) -> None:
    whole, killed = make_run("whole"), make_run("killed")
    train(whole, images, CPU, EVERY_TWO)
    crash_and_go_on(killed, images, step)
    assert final_digest(killed) == final_digest(whole)
    assert (killed.path / "metrics.jsonl").read_bytes() == (whole.path / "metrics.jsonl").read_bytes()
    assert killed.checkpoint_steps() == [2, 4, 6, 8]


def test_layers_that_draw_by_themselves_give_the_same_bits_after_a_kill_and_other_draws_in_each_step(
    make_run: Callable[..., Run], images: Images, toy: type[Toy], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class WithDropout(toy):  # type: ignore[misc, valid-type]
        def step(self, batch: Batch, phase: Phase) -> None:
            seen.append(torch.nn.functional.dropout(torch.ones(64)).tolist())
            super().step(replace(batch, a=torch.nn.functional.dropout(batch.a, 0.5, self.training)), phase)

    monkeypatch.setattr(registry, "load_method", lambda _name: WithDropout)
    whole, killed, other = make_run("whole"), make_run("killed"), make_run("other", seed=1)
    before = torch.get_rng_state()
    train(whole, images, CPU, EVERY_TWO)
    assert torch.equal(torch.get_rng_state(), before)
    assert len({str(draw) for draw in seen}) == len(seen) == 8
    torch.manual_seed(99)
    crash_and_go_on(killed, images, 5)
    assert final_digest(killed) == final_digest(whole)
    train(other, images, CPU, EVERY_TWO)
    assert seen[-8:] != seen[:8]


@pytest.mark.parametrize("forgotten", ["adam", "buffer", "log"])
def test_the_comparison_above_notices_a_state_that_is_not_restored(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    whole, killed = make_run("whole"), make_run("killed")
    train(whole, images, CPU, EVERY_TWO)
    if forgotten == "adam":
        monkeypatch.setattr(state, "load_state_tensors", lambda optimizers, tensors: None)
    elif forgotten == "buffer":
        real = checkpoint.load

        def without_memory(folder):  # type: ignore[no-untyped-def]
            found = real(folder)
            found.parts["method"]["memory"].zero_()
            return found

        monkeypatch.setattr(checkpoint, "load", without_memory)
    else:
        monkeypatch.setattr(jsonl, "cut_back", lambda file, step: None)
    crash_and_go_on(killed, images, 5)
    monkeypatch.undo()
    same_state = final_digest_of_file(killed) == final_digest_of_file(whole)
    same_log = (killed.path / "metrics.jsonl").read_bytes() == (whole.path / "metrics.jsonl").read_bytes()
    assert not (same_state and same_log)


def final_digest_of_file(run: Run) -> str:
    saved = checkpoint.load(run.checkpoints / "8")
    return checkpoint.digest(saved.parts["method"])


def test_a_finished_run_trains_no_further(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    train(run, images, CPU, EVERY_TWO)
    before = final_digest(run)
    assert train(run, images, CPU, EVERY_TWO, crash_after(1)) == 8
    assert run.step() == 8
    assert final_digest(run) == before


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(make_run: Callable[..., Run], images: Images) -> None:
    whole, damaged = make_run("whole"), make_run("damaged")
    train(whole, images, CPU, EVERY_TWO)
    with pytest.raises(Crash):
        train(damaged, images, CPU, EVERY_TWO, crash_after(7))
    file = damaged.checkpoints / "6" / "method.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    said: list[str] = []
    assert train(damaged, images, CPU, EVERY_TWO, Callbacks(log=said.append)) == 4
    assert any(str(file) in text for text in said)
    assert final_digest(damaged) == final_digest(whole)


@pytest.mark.parametrize(("where", "term"), [("loss", "generators/cycle"), ("gradient", "the gradient of generators")])
def test_a_step_that_is_not_finite_stops_the_run_and_keeps_the_state_before_it(
    make_run: Callable[..., Run], images: Images, where: str, term: str
) -> None:
    exploding = make_run("exploding", explode_at=4, explode_in=where)
    with pytest.raises(NonFiniteLoss, match=f"^step 5: {term} became NaN or Inf; the state of step 4 is kept"):
        train(exploding, images, CPU, EVERY_TWO)
    stopped = make_run("stopped", explode_at=100, explode_in=where)
    with pytest.raises(Crash):
        train(stopped, images, CPU, EVERY_TWO, crash_after(4))
    kept, expected = (checkpoint.load(run.checkpoints / "4").parts for run in (exploding, stopped))
    assert checkpoint.digest(kept["method"]) == checkpoint.digest(expected["method"])
    assert checkpoint.digest(kept["optimizer"]) == checkpoint.digest(expected["optimizer"])
    steps = [json.loads(line)["step"] for line in (exploding.path / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4]


def test_a_state_between_checkpoints_is_kept_too_when_a_step_is_not_finite(
    make_run: Callable[..., Run], images: Images
) -> None:
    run = make_run(explode_at=3)
    with pytest.raises(NonFiniteLoss, match="the state of step 3 is kept"):
        train(run, images, CPU, EVERY_TWO)
    assert run.checkpoint_steps() == [2, 3]


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_saves_and_the_same_call_goes_on(make_run: Callable[..., Run], images: Images, number: int) -> None:
    whole, stopped = make_run("whole"), make_run("stopped")
    train(whole, images, CPU, EVERY_TWO)

    def tick(done: int, _steps: int, _losses: object) -> None:
        if done == 3:
            os.kill(os.getpid(), number)

    with pytest.raises(Stopped, match="saved at step 3 of 8") as caught:
        train(stopped, images, CPU, EVERY_TWO, Callbacks(on_step=tick))
    assert caught.value.exit_code == 75
    assert train(stopped, images, CPU, EVERY_TWO) == 3
    assert final_digest(stopped) == final_digest(whole)


@pytest.mark.parametrize("number", [n for n in STOP_SIGNALS if n not in (signal.SIGINT, signal.SIGTERM)])
def test_a_signal_that_often_comes_twice_ends_nothing_the_second_time(number: int) -> None:
    with stop_on_signals() as stop:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert stop.requested


def test_a_second_interrupt_is_not_held_back() -> None:
    with stop_on_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop, stop_at_once_on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_before_the_first_step_ends_at_once_and_handlers_are_put_back(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match="stopped before the first step"), stop_at_once_on_signals():
        try:
            os.kill(os.getpid(), number)
        except Exception:  # as a reader of images catches whatever a damaged file raises
            pytest.fail("an error handler has caught the signal")
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("intervals", "kept"), [
    (Intervals(save_every=4, log_every=1, keep=None, save_seconds=0), [4, 8]),
    (Intervals(save_every=2, log_every=1, keep=2, save_seconds=0), [6, 8]),
    (Intervals(log_every=1, keep=None, save_seconds=0), [1, 2, 3, 4, 5, 6, 7, 8]),
])  # fmt: skip
def test_saves_by_time_change_no_bit_and_no_regular_checkpoint(
    make_run: Callable[..., Run], images: Images, intervals: Intervals, kept: list[int]
) -> None:
    whole, timed = make_run("whole"), make_run("timed")
    train(whole, images, CPU, Intervals(save_every=8, log_every=1))
    steps_on_disk: list[list[int]] = []

    def note(_done: int, _steps: int, _losses: object) -> None:
        steps_on_disk.append(timed.checkpoint_steps())

    train(timed, images, CPU, intervals, Callbacks(on_step=note))
    assert [steps[-1] for steps in steps_on_disk] == list(range(1, 9)), "a save at each step"
    assert timed.checkpoint_steps() == kept
    assert final_digest(timed) == final_digest(whole)
    assert timed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()


def test_a_run_killed_after_a_save_by_time_goes_on_from_it(make_run: Callable[..., Run], images: Images) -> None:
    whole, killed = make_run("whole"), make_run("killed")
    train(whole, images, CPU, EVERY_TWO)
    by_time = Intervals(save_every=4, log_every=1, keep=None, save_seconds=0)
    with pytest.raises(Crash):
        train(killed, images, CPU, by_time, crash_after(7))
    assert killed.checkpoint_steps() == [4, 7]
    assert train(killed, images, CPU, Intervals(save_every=4, log_every=1, keep=None)) == 7
    assert killed.checkpoint_steps() == [4, 8]
    assert final_digest(killed) == final_digest(whole)
    assert killed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()


def test_intervals_that_nobody_gave_save_by_steps_and_every_quarter_of_an_hour() -> None:
    resolved = Intervals().resolved(1_000_000)
    assert (resolved.save_every, resolved.save_seconds) == (10_000, SAVE_SECONDS) == (10_000, 15 * 60)
    by_steps, by_time = Intervals(save_every=7).resolved(50), Intervals(save_seconds=60).resolved(50)
    assert (by_steps.save_every, by_steps.save_seconds) == (7, None)
    assert (by_time.save_every, by_time.save_seconds) == (None, 60)


def test_by_default_slow_steps_are_saved_when_a_quarter_of_an_hour_has_passed(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seconds = make_run(), iter(range(0, 10_000, 300))  # each look at the clock is five minutes after the last
    monkeypatch.setattr(intervals_module, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    saved: list[list[int]] = []
    train(run, images, CPU, callbacks=Callbacks(on_step=lambda *_: saved.append(run.checkpoint_steps())))
    assert saved == [[], [], [3], [3], [3], [6], [6], [8]]


def test_two_trainings_of_one_run_do_not_meet(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()

    def train_again(_done: int, _steps: int, _losses: object) -> None:
        with pytest.raises(RunError, match="is being trained by another process"):
            train(run, images, CPU, EVERY_TWO)
        raise Crash

    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_TWO, Callbacks(on_step=train_again))


def test_only_the_newest_checkpoints_are_kept(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    train(run, images, CPU, Intervals(save_every=1, keep=3))
    assert run.checkpoint_steps() == [6, 7, 8]


def test_a_logged_line_holds_losses_rates_and_scalars(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    train(run, images, CPU, EVERY_TWO)
    lines = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    assert list(lines[0]) == [
        "step",
        "discriminators/real",
        "discriminators/fake",
        "generators/adversarial",
        "lr/generators",
        "lr/discriminators",
        "memory/mean",
    ]
    assert [line["lr/generators"] for line in lines[:3]] == pytest.approx([1e-2, 1e-2 / 2, 1e-2 / 3])
    assert "step_per_second" not in lines[0]


def test_weights_depend_on_the_seed_alone(make_run: Callable[..., Run]) -> None:
    torch.manual_seed(1)
    first = new_state(make_run(seed=0), CPU, Start()).method.state_dict()
    torch.manual_seed(2)
    again = new_state(make_run(seed=0), CPU, Start()).method.state_dict()
    other = new_state(make_run(seed=1), CPU, Start()).method.state_dict()
    assert checkpoint.digest(first) == checkpoint.digest(again)
    assert checkpoint.digest(first) != checkpoint.digest(other)


def test_a_run_can_start_from_another_runs_weights(make_run: Callable[..., Run], images: Images) -> None:
    first = make_run("first")
    train(first, images, CPU, EVERY_TWO)
    tensors = checkpoint.load(first.checkpoints / "8").parts["method"]
    state = new_state(make_run("second"), CPU, Start(tensors))
    assert checkpoint.digest(state.method.state_dict()) == checkpoint.digest(tensors)


def test_a_run_from_b_to_a_is_the_run_from_a_to_b_with_the_domains_exchanged(
    make_run: Callable[..., Run], images: Images
) -> None:
    def trained(folder: str, direction: str, images: Images) -> Run:
        plain = make_run(f"{folder}-plain")
        run = open_run(plain.path.with_name(folder), plain.config.model_copy(update={"direction": direction}))
        train(run, images, CPU, EVERY_TWO)
        return run

    exchanged = Images(images.b, images.a, {"A": images.samples["B"], "B": images.samples["A"]})
    back = trained("back", "B2A", images)
    assert final_digest(back) == final_digest(trained("forth", "A2B", exchanged))
    assert final_digest(back) != final_digest(trained("other", "A2B", images))


def test_samples_of_a_run_from_b_to_a_show_b_above_its_translation(
    make_run: Callable[..., Run], images: Images
) -> None:
    plain = make_run("plain")
    run = open_run(plain.path.with_name("back"), plain.config.model_copy(update={"direction": "B2A"}))
    train(run, images, CPU)
    grid = to_tensor(read_image(run.path / "samples" / "0000008.png"))
    size = run.config.method_config().size
    assert grid.shape == (3, 2 * size, 2 * size)  # two images, one direction
    assert grid[:, :size].equal(torch.cat(list(images.samples["B"]), dim=2))
