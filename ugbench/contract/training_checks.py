"""Rules about a whole training: killed, continued, and with the draws of the engine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from ugbench import registry
from ugbench.contract.check import demand
from ugbench.contract.small_methods import CPU, SIZE, STEPS, build, phases_of, small_fields
from ugbench.data.batches import method_batches
from ugbench.runs import checkpoint
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run
from ugbench.runs.starting_point import StartingPoint
from ugbench.training.callbacks import Callbacks
from ugbench.training.continuation import check_continued
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.start import Start

MakeRun = Callable[..., Run]


class _Killed(Exception):
    """Stands for a kill right after a step."""


@contextmanager
def _new_runs() -> Iterator[MakeRun]:
    """make(folder name, method, variant, steps, continue_from) -> a run without steps; all are removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="ugbench-check-") as home:

        def make(
            folder: str, name: str, variant: str | None, steps: int = STEPS, continue_from: str | None = None
        ) -> Run:
            # A pool of one image is full from the second step on, so that the checks cover full pools too.
            fields = small_fields(name, pool_size=1, steps=steps)
            config = registry.load_method(name).make_config("smoke", variant, fields)
            record = DatasetRecord(name="d", root=home, fingerprint="f", images={"trainA": 5, "trainB": 5})
            return open_run(
                Path(home) / folder,
                RunConfig(
                    method=name,
                    variant=variant,
                    preset="smoke",
                    config=config.resolved(5, 5).model_dump(),
                    dataset=record,
                    direction=None,
                    seed=0,
                    precision="fp32",
                    continue_from=continue_from,
                ),
            )

        yield make


def _images(splits: Sequence[str] = ()) -> Images:
    """Five random images for each domain and further split, a little larger than SIZE."""
    random = torch.Generator().manual_seed(7)
    a, b = torch.randint(0, 256, (2, 5, 3, SIZE + 4, SIZE + 4), dtype=torch.uint8, generator=random)
    return Images(a, b, extra={split: a.flip(0) for split in splits})


def _train(run: Run, kill_after: int | None = None, start: Start | None = None) -> int | None:
    """Train with a save every second step; returns the step that it went on from, as `train` does.

    Raises:
        _Killed: after the step `kill_after`.
    """

    def on_step(step: int, _steps: int, _losses: Mapping[str, float] | None) -> None:
        if step == kill_after:
            raise _Killed

    intervals = Intervals(save_every=2, log_every=1, sample_every=100, keep=None)
    method = build(run.config.method, run.config.variant)
    images = _images(method.splits)
    start = replace(start or Start(), frozen=method.frozen_state())
    return train(run, images, CPU, intervals, Callbacks(on_step=on_step), start)


def _train_killed(run: Run, kill_after: int, start: Start | None = None) -> None:
    try:
        _train(run, kill_after, start)
    except _Killed:
        return
    raise AssertionError(f"the training of {run.steps} steps had no step {kill_after}")


def _demand_same_end(run: Run, whole: Run, story: str) -> None:
    """Demand that the last states and the logs of two trainings are the same."""
    ends = []
    for trained in (run, whole):
        parts = checkpoint.load(trained.checkpoint(trained.steps)).parts
        ends.append({f"{part} {key}": tensor for part, tensors in parts.items() for key, tensor in tensors.items()})
    other = sorted(key for key in ends[1] if key not in ends[0] or not ends[0][key].equal(ends[1][key]))
    hint = "keep what later steps depend on in persistent buffers, and draw by draws() or torch's default generator."
    demand(
        not other and ends[0].keys() == ends[1].keys(),
        f"{story} ends with other values of {', '.join(other[:3])}; {hint}",
    )
    logs = [trained.metrics_file.read_bytes() for trained in (run, whole)]
    demand(logs[0] == logs[1], f"{story} logs other losses or scalars; {hint}")


def a_killed_training_goes_on(name: str, variant: str | None) -> None:
    """A training that is killed after a step between two saves, and started again, ends with the same bits."""
    with _new_runs() as make:
        whole, killed = make("whole", name, variant), make("killed", name, variant)
        _train(whole)
        _train_killed(killed, 3)
        resumed_from = _train(killed)
        assert resumed_from == 2
        _demand_same_end(killed, whole, "a training that is killed after step 3 and started again")


def a_training_may_be_killed_after_each_step(name: str, _variant: str | None) -> None:
    """A training that is killed after every step, and started again, ends with the same bits."""
    with _new_runs() as make:
        whole, killed = make("whole", name, None), make("killed", name, None)
        _train(whole)
        saved = []
        for step in range(1, STEPS):
            _train_killed(killed, step)
            saved.append(killed.step())
        assert saved == [0, 2, 2]
        assert _train(killed) == 2
        _demand_same_end(killed, whole, "a training that is killed after every step and started again")


def a_continued_training_is_a_longer_one(name: str, _variant: str | None) -> None:
    """A training that is continued with more steps ends with the bits of one that was begun with all of them.

    The schedules of both lengths are constant in their first half; the second half of the short one is dropped.
    """
    with _new_runs() as make:
        earlier, whole = make("earlier", name, None), make("whole", name, None, 2 * STEPS)
        _train(earlier)
        _train(whole)
        continued = make("continued", name, None, 2 * STEPS, f"{earlier.id}@{STEPS // 2}")
        point = StartingPoint(earlier, STEPS // 2)
        check_continued(point, continued.config, lambda _sentence: None)
        _train_killed(continued, STEPS + 1, Start(continued=point))
        shutil.rmtree(earlier.path)
        assert _train(continued) == STEPS
        _demand_same_end(continued, whole, "a training that is continued from half of its steps")


def the_engine_makes_its_draws(name: str, _variant: str | None) -> None:
    """A period of steps takes the images and the draws that the engine makes, with finite losses."""
    method = build(name, None)
    phases = phases_of(method)
    images = _images()
    batches = method_batches(method, images.a, images.b, 0, CPU, dict.fromkeys(method.splits, images.a))
    for step in range(method.period):
        method.step(batches.at(step), phases)
    for term, value in phases.losses.items():
        demand(bool(torch.isfinite(value)), f"the loss {term} is {float(value)} with the draws of the engine.")
