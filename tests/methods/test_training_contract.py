"""The contract of each registered method in training: killed, continued and with the engine's draws."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from method_cases import CPU, SIZE, STEPS, build, each_method, each_variant, fields_of

from ugbench import registry
from ugbench.data.batches import method_batches
from ugbench.runs import checkpoint
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run
from ugbench.runs.starting_point import StartingPoint
from ugbench.training.continuation import check_continued
from ugbench.training.loop import Callbacks, Images, Intervals, train
from ugbench.training.optimizers import build_optimizers
from ugbench.training.start import Start
from ugbench.training.step import Phases

pytestmark = pytest.mark.usefixtures("deterministic")


@pytest.fixture
def images() -> Images:
    """Five images a domain, a little larger than SIZE."""
    a, b = torch.randint(0, 256, (2, 5, 3, SIZE + 4, SIZE + 4), dtype=torch.uint8)
    return Images(a, b)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """make_run(folder name, method, variant) -> a Run that no step was trained of; pools of one image."""

    def make(folder: str, name: str, variant: str | None, steps: int = STEPS, continue_from: str | None = None) -> Run:
        config = registry.load_method(name).make_config("smoke", variant, fields_of(name, pool_size=1, steps=steps))
        record = DatasetRecord(name="d", root=str(tmp_path), fingerprint="f", images={"trainA": 5, "trainB": 5})
        return open_run(
            tmp_path / folder,
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

    return make


class Killed(Exception):
    """Stands for a kill right after a step."""


def trained(run: Run, images: Images, kill_after: int | None = None, start: Start | None = None) -> int | None:
    """Train with a save every second step; returns the step that it went on from."""

    def tick(step: int, _steps: int, _losses: Mapping[str, float] | None) -> None:
        if step == kill_after:
            raise Killed

    cadence = Intervals(save_every=2, log_every=1, sample_every=100, keep=None)
    method = build(run.config.method, run.config.variant)
    extra = {split: images.a.flip(0) for split in method.splits}
    start = replace(start or Start(), frozen=method.frozen_state())
    return train(run, replace(images, extra=extra), CPU, cadence, Callbacks(on_step=tick), start)


def end_of(run: Run) -> tuple[dict[str, str], bytes]:
    """Digests of the state at the last step, and the log."""
    parts = checkpoint.load(run.checkpoint(run.steps)).parts
    digests = {part: checkpoint.digest(tensors) for part, tensors in parts.items()}
    return digests, run.metrics_file.read_bytes()


@each_variant
def test_a_run_of_a_variant_that_is_killed_and_started_again_ends_with_the_same_bits(
    name: str, variant: str | None, make_run: Callable[..., Run], images: Images
) -> None:
    whole, killed = make_run("whole", name, variant), make_run("killed", name, variant)
    trained(whole, images)
    with pytest.raises(Killed):
        trained(killed, images, kill_after=3)
    assert trained(killed, images) == 2
    assert end_of(killed) == end_of(whole)


@each_method
def test_a_run_that_is_killed_after_every_step_ends_with_the_same_bits(
    name: str, make_run: Callable[..., Run], images: Images
) -> None:
    whole, killed = make_run("whole", name, None), make_run("killed", name, None)
    trained(whole, images)
    went_on_from = []
    for step in range(1, STEPS):
        with pytest.raises(Killed):
            trained(killed, images, kill_after=step)
        went_on_from.append(killed.step())
    assert went_on_from == [0, 2, 2]
    assert trained(killed, images) == 2
    assert end_of(killed) == end_of(whole)


@each_method
def test_a_run_that_is_continued_ends_with_the_bits_of_one_that_was_begun_with_all_steps(
    name: str, make_run: Callable[..., Run], images: Images
) -> None:
    """The schedules of both lengths are constant in their first half; the second half of the short one is dropped."""
    earlier, whole = make_run("earlier", name, None), make_run("whole", name, None, 2 * STEPS)
    trained(earlier, images)
    trained(whole, images)
    continued = make_run("continued", name, None, 2 * STEPS, f"{earlier.id}@{STEPS // 2}")
    start, said = StartingPoint(earlier, STEPS // 2), list[str]()
    check_continued(start, continued.config, said.append)
    with pytest.raises(Killed):
        trained(continued, images, STEPS + 1, Start(continued=start))
    shutil.rmtree(earlier.path)
    assert trained(continued, images) == STEPS
    assert end_of(continued) == end_of(whole)
    assert said == [
        f"continues run {earlier.id} from step 2 of 4 to step 8.",
        "Up to step 2 its learning rates are those of 8 steps, so the result is that of 8 steps from the start.",
    ]


@each_method
def test_the_engine_makes_the_draws_that_the_method_asks_for(name: str, images: Images) -> None:
    method = build(name, None)
    phases = Phases(build_optimizers(method), method.period)
    extra = dict.fromkeys(method.splits, images.a)
    batches = method_batches(method, images.a, images.b, 0, CPU, extra)
    for step in range(method.period):
        method.step(batches.at(step), phases)
    assert all(torch.isfinite(value) for value in phases.losses.values())
