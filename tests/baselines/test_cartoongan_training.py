"""CartoonGAN in trainings: across the end of its first steps, with its folder and its weights, and what it learns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from made_weights import some_state
from recorded_operations import RecordedOperations

import ugbench
from baselines._vgg import VGG19_CONV4_4, vgg
from ugbench.contract.small_methods import build, phases_of, random_batch
from ugbench.data.dataset_names import resolve
from ugbench.data.edges import make_edges
from ugbench.errors import CaptureRefused, DataError, RunError, WeightsError
from ugbench.nn.weight_files import digest
from ugbench.runs import checkpoint
from ugbench.training import capture
from ugbench.training.capture import CapturedSteps

STEPS, INIT_STEPS = 8, 3
DIAL = "dial:size=32,train=6,test=3"
TINY = {"channels": 4, "discriminator_channels": 4, "blocks": 1, "random_channels": 2, "content_size": 16}
Train = Callable[..., ugbench.Run]


class Killed(Exception):
    """Stands for a kill right before a step."""


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dial and its cartoons with smoothed edges, in the size to which a training at 32 px resizes."""
    folder = tmp_path_factory.mktemp("data")
    make_edges(resolve(DIAL, folder), "B", 36)
    return folder


@pytest.fixture
def train(tmp_path: Path, data_root: Path) -> Train:
    """train(dataset, results, steps, init_steps, config field=value): a run of small networks."""

    def trained(
        dataset: str = DIAL, results: str = "results", init_steps: int | None = INIT_STEPS, **arguments: Any
    ) -> ugbench.Run:
        fields = {**TINY, **arguments.pop("set", {})} | ({} if init_steps is None else {"init_steps": init_steps})
        options = {"steps": STEPS, "size": 32, "preset": "smoke", "precision": "fp32", "save_every": 1, "keep": None}
        places = {"results": tmp_path / results, "data_root": arguments.pop("data_root", data_root)}
        given = {**options, **places, "device": "cpu", "log_every": 1, "progress": False, **arguments}
        return ugbench.train("cartoongan", dataset, set=fields, **given)

    return trained


def digests(run: ugbench.Run, step: int = STEPS) -> dict[str, str]:
    parts = checkpoint.load(run.stored.checkpoint(step)).parts
    return {part: checkpoint.digest(tensors) for part, tensors in parts.items()}


def logged(run: ugbench.Run) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def kill_before(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = capture.train_step

    def step_or_kill(method: Any, phases: Any, batch: Any) -> None:
        if batch.step == step:
            raise Killed
        usual(method, phases, batch)

    monkeypatch.setattr(capture, "train_step", step_or_kill)


def test_the_log_says_what_the_first_steps_and_the_others_learnt(train: Train) -> None:
    lines = logged(train(set={"init_lr": 0.5, "lr": 0.25}))
    losses = [{key for key in line if "/" in key and not key.startswith("lr/")} for line in lines]
    first = {"generators/content"}
    later = first | {"generators/adversarial"} | {f"discriminators/{term}" for term in ("real", "edges", "fake")}
    assert losses == [first] * INIT_STEPS + [later] * (STEPS - INIT_STEPS)
    rates = [line["lr/generators"] for line in lines]
    assert rates == pytest.approx([0.5, 0.5, 1 / 3, 0.25, 0.25, 0.25, 0.2, 0.1])


@pytest.mark.parametrize("step", [INIT_STEPS - 1, INIT_STEPS, INIT_STEPS + 1])
def test_a_training_that_is_killed_around_the_end_of_the_first_steps_ends_with_the_same_bits(
    train: Train, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_before(step, patch)
        train(results="killed")
    killed = train(results="killed")
    assert digests(killed) == digests(whole)
    assert logged(killed) == logged(whole)


def test_a_longer_run_goes_on_with_the_first_steps_of_the_shorter_one_alone(train: Train) -> None:
    whole, short = train(), train(steps=STEPS - 2)
    # Both have the full rate up to step 5, of 3 + 3 and of 3 + 5 steps.
    longer = train(continue_from=f"{short.id}@4")
    assert digests(longer) == digests(whole)
    with pytest.raises(RunError, match=r"that run differs in init_steps \(3 there, 2 here\)"):
        train(steps=22, init_steps=None, continue_from=f"{short.id}@4")


def test_a_run_with_first_steps_is_not_captured_and_one_without_them_is() -> None:
    for init_steps in (0, 1):
        method = build("cartoongan", None, init_steps=init_steps).train()
        recorder = RecordedOperations()
        steps = CapturedSteps(method, phases_of(method), recorder, warm_up=2)
        for step in range(2):
            steps(random_batch(method, step=step))
        if init_steps:
            with pytest.raises(CaptureRefused, match=r"cartoongan\.py:\d+: the step depends on batch\.step in another"):
                steps(random_batch(method, step=2))
        else:
            steps(random_batch(method, step=2))
        assert recorder.replayed == (0 if init_steps else 1)


def test_without_the_folder_of_smoothed_cartoons_the_command_that_makes_it_is_named(
    train: Train, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"edgesB: no such folder; .* `ugbench data make edges --dataset .* --size 36`"):
        train(data_root=tmp_path / "other")
    with pytest.raises(DataError, match=r"edgesA: no such folder; .* --domain A --size 36`"):
        train(direction="B2A")


def test_the_weights_of_vgg19_decide_the_run_and_are_in_no_checkpoint(train: Train, tmp_path: Path) -> None:
    state = some_state(vgg(VGG19_CONV4_4))
    file = tmp_path / "vgg19.pth"
    torch.save({f"features.{key}": tensor for key, tensor in state.items()}, file)
    fields = {"content_network": "vgg19"}
    run = train(steps=2, init_steps=1, set=fields, weights={"vgg19": file})
    assert run.stored.config.frozen == {"vgg": digest(state)}
    names = {key.split(".")[0] for key in checkpoint.load(run.stored.checkpoint(2)).parts["method"]}
    assert names == {"generator", "discriminator", "pool"}
    assert [round(line["generators/content"], 3) > 0 for line in logged(run)] == [True, True]
    with pytest.raises(WeightsError, match=r"the weights of 'vgg19' were not found"):
        train(set=fields)


def test_a_random_content_network_stays_as_it_was_drawn(train: Train) -> None:
    run = train()
    first, last = (checkpoint.load(run.stored.checkpoint(step)).parts["method"] for step in (1, STEPS))
    content = [key for key in first if key.startswith("random_network.")]
    assert len(content) == 24
    assert all(first[key].equal(last[key]) for key in content)


def test_it_learns_part_of_the_colours_and_strokes_of_a_dial(tmp_path: Path) -> None:
    dial = "dial:shape=0,texture=1,size=32,train=100,test=20"
    make_edges(resolve(dial, tmp_path), "B", 36)
    places = {"results": tmp_path / "results", "data_root": tmp_path, "device": "cpu", "progress": False}
    options = {"preset": "smoke", "size": 32, "steps": 300, "precision": "fp32", "seed": 1}
    run = ugbench.train("cartoongan", dial, **options, **places)
    scores = run.evaluate(metrics=["changed"], device="cpu", progress=False)
    assert list(scores.direction) == ["A2B"]
    assert scores.value.item() < 0.9, "1 is the untouched input's error"
