"""Scores of checkpoints while training: which are scored, and that a training does not notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
import torch
from recording_tracker import Recorder
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ugbench.errors import Stopped
from ugbench.runs import checkpoint, jsonl
from ugbench.runs.run import Run
from ugbench.training import logs as logs_module
from ugbench.training.callbacks import Callbacks
from ugbench.training.completing import complete
from ugbench.training.intervals import Intervals
from ugbench.training.logs import Logs
from ugbench.training.loop import Images, train
from ugbench.training.tracking import Tracking

CPU = torch.device("cpu")
EVERY_THREE = Intervals(save_every=4, log_every=1, sample_every=100, keep=None, eval_every=3)

MakeRun = Callable[..., Run]


@dataclass
class Scorer:
    """A scorer that keeps its steps, with the steps of the checkpoints that were stored then."""

    run: Run
    during: Callable[[int], None] = lambda _step: None
    steps: list[int] = field(default_factory=list)
    stored: list[list[int]] = field(default_factory=list)

    def __call__(self, step: int, check: Callable[[], None]) -> Mapping[str, float]:
        self.steps.append(step)
        self.stored.append(self.run.checkpoint_steps())
        self.during(step)
        check()
        return {"score/kid/A2B": step / 100}


def digest(run: Run) -> str:
    saved = checkpoint.load(run.checkpoint(run.steps))
    return checkpoint.digest({f"{part}/{name}": t for part in saved.parts for name, t in saved.parts[part].items()})


def test_each_multiple_and_the_last_step_are_saved_and_then_scored(make_run: MakeRun, images: Images) -> None:
    run = make_run()
    scorer = Scorer(run)
    train(run, images, CPU, EVERY_THREE, Callbacks(score=scorer))
    assert scorer.steps == [3, 6, 8]
    assert scorer.stored == [[3], [3, 4, 6], [3, 4, 6, 8]]
    assert run.checkpoint_steps() == [3, 4, 6, 8]


def test_of_the_scored_checkpoints_as_many_stay_as_keep_says(make_run: MakeRun, images: Images) -> None:
    run = make_run()
    scorer = Scorer(run)
    train(run, images, CPU, Intervals(save_every=4, log_every=1, keep=2, eval_every=3), Callbacks(score=scorer))
    assert scorer.stored == [[3], [4, 6], [6, 8]]


def test_a_run_that_is_saved_by_time_has_a_checkpoint_to_score(make_run: MakeRun, images: Images) -> None:
    run = make_run()
    scorer = Scorer(run)
    train(run, images, CPU, Intervals(save_seconds=1e6, log_every=1, eval_every=3), Callbacks(score=scorer))
    assert scorer.stored == [[3], [3, 6], [6, 8]]


def test_without_an_interval_nothing_is_scored(make_run: MakeRun, images: Images) -> None:
    run = make_run()
    scorer = Scorer(run)
    train(run, images, CPU, Intervals(log_every=1), Callbacks(score=scorer))
    assert scorer.steps == []


def test_scores_are_shown_and_stay_out_of_the_log(make_run: MakeRun, images: Images) -> None:
    plain, scored, recorder = make_run("plain"), make_run("scored"), Recorder()
    train(plain, images, CPU, EVERY_THREE)
    train(scored, images, CPU, EVERY_THREE, Callbacks(score=Scorer(scored)), trackers={"r": recorder.tracker})
    assert scored.metrics_file.read_bytes() == plain.metrics_file.read_bytes()
    assert [value for value in recorder.values if value[1] == "score/kid/A2B"] == [
        (3, "score/kid/A2B", 0.03),
        (6, "score/kid/A2B", 0.06),
        (8, "score/kid/A2B", 0.08),
    ]
    events = EventAccumulator(str(scored.tensorboard))
    events.Reload()
    shown = [(event.step, event.value) for event in events.Scalars("score/kid/A2B")]
    assert [step for step, _ in shown] == [3, 6, 8]
    assert [value for _, value in shown] == pytest.approx([0.03, 0.06, 0.08])


def test_scoring_changes_no_bit_of_the_training_whatever_it_does_to_torch(make_run: MakeRun, images: Images) -> None:
    before = (torch.get_num_threads(), torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision())

    def disturb(_step: int) -> None:
        torch.manual_seed(99)
        torch.rand(7)
        torch.set_grad_enabled(False)
        torch.set_num_threads(2 if torch.get_num_threads() == 1 else 1)
        torch.use_deterministic_algorithms(True)
        torch.set_float32_matmul_precision("medium")
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark

    plain, scored = make_run("plain"), make_run("scored")
    train(plain, images, CPU, EVERY_THREE)
    train(scored, images, CPU, EVERY_THREE, Callbacks(score=Scorer(scored, disturb)))
    assert scored.metrics_file.read_bytes() == plain.metrics_file.read_bytes()
    assert digest(scored) == digest(plain)
    assert torch.is_grad_enabled() and not torch.are_deterministic_algorithms_enabled()
    assert before == (torch.get_num_threads(), torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision())


def test_an_error_while_scoring_is_one_sentence_and_the_training_goes_on(make_run: MakeRun, images: Images) -> None:
    def fail(step: int) -> None:
        if step == 3:
            raise RuntimeError("out of memory\nmore lines")

    run, said = make_run(), list[str]()
    scorer = Scorer(run, fail)
    train(run, images, CPU, EVERY_THREE, Callbacks(log=said.append, score=scorer))
    assert scorer.steps == [3, 6, 8]
    assert said == [
        "step 3 could not be scored (RuntimeError: out of memory); training goes on.",
        "scores at step 6: kid/A2B 0.06.",
        "scores at step 8: kid/A2B 0.08.",
    ]


@pytest.mark.parametrize("at", [6, 8])
def test_a_signal_while_scoring_stops_with_the_step_saved_and_the_same_call_scores_it(
    make_run: MakeRun, images: Images, at: int
) -> None:
    def stop(step: int) -> None:
        if step == at and scorer.steps.count(at) == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    whole, run = make_run("whole"), make_run("run")
    train(whole, images, CPU, EVERY_THREE)
    scorer = Scorer(run, stop)
    with pytest.raises(Stopped, match=f"stopped while step {at} was scored, which is saved; run the same") as stopped:
        train(run, images, CPU, EVERY_THREE, Callbacks(score=scorer))
    assert stopped.value.signal == signal.SIGTERM and run.step() == at
    if at < run.steps:
        assert train(run, images, CPU, EVERY_THREE, Callbacks(score=scorer)) == at
    else:
        complete(run, EVERY_THREE, Callbacks(score=scorer), {})
    assert scorer.steps == [3, 6, *([8] if at == 8 else []), at, *([8] if at == 6 else [])]
    assert digest(run) == digest(whole)


def test_a_finished_run_is_scored_at_its_last_step_and_its_trackers_get_what_they_lack(
    make_run: MakeRun, images: Images
) -> None:
    run, recorder = make_run(), Recorder()
    train(run, images, CPU, EVERY_THREE)
    scorer = Scorer(run)
    for _ in range(2):
        complete(run, EVERY_THREE, Callbacks(score=scorer), {"r": recorder.tracker})
    assert scorer.steps == [8, 8]  # a real scorer reads the second time
    assert recorder.steps("generators/adversarial") == list(range(1, 9))
    assert recorder.steps("score/kid/A2B") == [8]
    assert recorder.ends == ["done", "done"]


def test_the_time_of_scoring_is_no_time_of_steps(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run, now = make_run(), 0.0
    monkeypatch.setattr(logs_module.time, "perf_counter", lambda: now)
    logs = Logs(run, 0, Tracking(run, print))
    now = 2.0
    logs.write(1, {"loss": 1.0})
    now += 100.0
    logs.leave_out(100.0)
    now += 3.0
    logs.write(2, {"loss": 1.0})
    logs.close()
    times = jsonl.read(run.timing_file, lambda fields: fields["seconds_per_step"], "time")
    assert list(times) == pytest.approx([2.0, 3.0])
