"""A run of more steps goes on from a checkpoint of another run, and does not need that run afterwards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_runs import Toy

from ugbench import registry
from ugbench.errors import NonFiniteLoss, RunError, UsageError
from ugbench.inference.translate import load as load_method
from ugbench.method import Group
from ugbench.nn.schedule import constant_then_linear
from ugbench.runs import checkpoint
from ugbench.runs.config_fields import LATER
from ugbench.runs.origin import Origin
from ugbench.runs.run import Run, open_run
from ugbench.runs.starting_point import StartingPoint
from ugbench.runs.training_log import training_hours
from ugbench.training import continuation
from ugbench.training.continuation import check_continued
from ugbench.training.images import Images
from ugbench.training.loop import Intervals, train
from ugbench.training.machine import Machine
from ugbench.training.start import Start

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=100, keep=None)


class Decaying(Toy):
    """Toy with rates that are constant for half of the steps, and then fall to 0."""

    def groups(self) -> dict[str, Group]:
        schedule = constant_then_linear(self.config.known_steps)
        return {name: replace(group, schedule=schedule) for name, group in super().groups().items()}


class Stopping(Toy):
    """Toy whose discriminators train for a quarter of the steps, and whose rates are constant otherwise."""

    def groups(self) -> dict[str, Group]:
        quarter = self.config.known_steps // 4
        schedules = {"generators": lambda _step: 1.0, "discriminators": lambda step: float(step < quarter)}
        return {name: replace(group, schedule=schedules[name]) for name, group in super().groups().items()}


@pytest.fixture
def earlier(make_run: Callable[..., Run], images: Images) -> Run:
    """A run of 8 steps with checkpoints of the steps 2, 4, 6 and 8."""
    run = make_run("earlier")
    train(run, images, CPU, EVERY_TWO)
    return run


@pytest.fixture
def make_longer(make_run: Callable[..., Run], earlier: Run) -> Callable[..., Run]:
    """make_longer(step, steps=16): a run that continues `earlier` from a step and has not begun."""

    def make(step: int, steps: int = 16, **fields: Any) -> Run:
        config = make_run("aside", steps=steps, **fields).config
        return open_run(earlier.results / "longer", config.model_copy(update={"continue_from": f"{earlier.id}@{step}"}))

    return make


def began(run: Run, earlier: Run, step: int, said: list[str] | None = None) -> Run:
    start = StartingPoint(earlier, step)
    check_continued(start, run.config, [].append if said is None else said.append)
    Start(continued=start).begin(run, Machine(CPU))
    return run


def final_digests(run: Run) -> dict[str, str]:
    parts = checkpoint.load(run.checkpoint(run.steps)).parts
    return {part: checkpoint.digest(tensors) for part, tensors in parts.items()}


def logged_steps(file: Path) -> list[int]:
    return [json.loads(line)["step"] for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("step", [2, 6, 8])
def test_it_ends_with_the_same_bits_and_log_as_if_it_had_been_begun_with_all_steps(
    earlier: Run, make_longer: Callable[..., Run], make_run: Callable[..., Run], images: Images, step: int
) -> None:
    whole = make_run("whole", steps=16)
    train(whole, images, CPU, EVERY_TWO)
    longer = began(make_longer(step), earlier, step)
    shutil.rmtree(earlier.path)
    assert train(longer, images, CPU, EVERY_TWO) == step
    assert final_digests(longer) == final_digests(whole)
    assert longer.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    assert logged_steps(longer.timing_file) == list(range(1, 17))
    assert training_hours(longer) > 0


def test_a_run_that_has_begun_can_be_used_at_once(earlier: Run, make_longer: Callable[..., Run]) -> None:
    longer = began(make_longer(4), earlier, 4)
    assert longer.step() == 4
    assert logged_steps(longer.metrics_file) == [1, 2, 3, 4]
    method, step = load_method(longer, CPU)
    assert step == 4
    stored = checkpoint.load(earlier.checkpoint(4)).parts["method"]
    assert torch.equal(method.generator.weight, stored["generator.weight"])
    assert json.loads(longer.environment_file.read_text(encoding="utf-8"))["device"]


def test_a_run_that_has_begun_is_not_begun_again(earlier: Run, make_longer: Callable[..., Run], images: Images) -> None:
    longer = began(make_longer(4), earlier, 4)
    train(longer, images, CPU, EVERY_TWO)
    began(longer, earlier, 4)
    assert longer.checkpoint_steps() == [4, 6, 8, 10, 12, 14, 16]
    assert logged_steps(longer.metrics_file)[-1] == 16


def test_what_a_begin_that_was_killed_left_behind_is_replaced(earlier: Run, make_longer: Callable[..., Run]) -> None:
    longer = make_longer(4)
    longer.metrics_file.write_text('{"step": 3, "loss": 9}\n{"st', encoding="utf-8")
    began(longer, earlier, 4)
    assert logged_steps(longer.metrics_file) == [1, 2, 3, 4]


def test_logs_of_later_steps_are_not_cut_without_being_asked(earlier: Run, make_longer: Callable[..., Run]) -> None:
    longer = make_longer(4)
    longer.metrics_file.write_text('{"step": 9, "loss": 1}\n', encoding="utf-8")
    with pytest.raises(RunError, match=rf"has logs up to step 9 and no checkpoint; .* from {earlier.id}@4"):
        began(longer, earlier, 4)
    assert logged_steps(longer.metrics_file) == [9]


def test_a_run_that_names_where_it_began_is_not_trained_from_new_weights(
    earlier: Run, make_longer: Callable[..., Run], images: Images
) -> None:
    longer = make_longer(4)
    with pytest.raises(RunError, match=f"it began from run {earlier.id}@4; to begin there again, add --restart"):
        train(longer, images, CPU, EVERY_TWO)
    assert not longer.metrics_file.exists()


def test_a_step_that_is_not_finite_leads_back_to_the_begin(
    earlier: Run, make_longer: Callable[..., Run], images: Images
) -> None:
    longer = make_longer(4)
    began(longer, earlier, 4)
    exploding = Run(longer.path, longer.config.model_copy(update={"config": {**longer.config.config, "explode_at": 4}}))
    with pytest.raises(NonFiniteLoss, match=r"step 5: .* the state of step 4 is kept"):
        train(exploding, images, CPU, EVERY_TWO)


def test_a_sentence_says_from_where_it_goes_on(earlier: Run, make_longer: Callable[..., Run]) -> None:
    said: list[str] = []
    began(make_longer(6), earlier, 6, said)
    assert said == [
        f"continues run {earlier.id} from step 6 of 8 to step 16.",
        "Up to step 6 its learning rates are those of 16 steps, so the result is that of 16 steps from the start.",
    ]


@pytest.mark.parametrize(
    ("step", "kept", "advice"),
    [
        (8, [2, 4, 6, 8], "--continue-from {id}@4 begins before that"),
        (6, [2, 6, 8], "--continue-from {id}@2 begins before that"),
        (8, [6, 8], "no checkpoint from before that is kept (--keep all keeps all)"),
    ],
)
def test_a_rate_that_had_fallen_is_pointed_out_with_a_kept_checkpoint_from_before(
    earlier: Run,
    make_longer: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    kept: list[int],
    advice: str,
) -> None:
    monkeypatch.setattr(registry, "load_method", lambda _name: Decaying)
    for other in set(earlier.checkpoint_steps()) - set(kept):
        shutil.rmtree(earlier.checkpoint(other))
    said: list[str] = []
    check_continued(StartingPoint(earlier, step), make_longer(step).config, said.append)
    before = {8: "0.25", 6: "0.75"}[step]
    assert said[1] == (
        f"At step {step} the learning rate of generators was {before} of its full value, and with 16 steps it is 1 "
        f"there, so the result is not that of 16 steps from the start; {advice.format(id=earlier.id)}."
    )


def test_a_rate_that_differed_before_and_agrees_again_is_pointed_out_too(
    earlier: Run, make_longer: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load_method", lambda _name: Stopping)
    said: list[str] = []
    check_continued(StartingPoint(earlier, 8), make_longer(8).config, said.append)
    assert said[1] == (
        "At step 4 the learning rate of discriminators was 0 of its full value, and with 16 steps it is 1 there, so "
        f"the result is not that of 16 steps from the start; --continue-from {earlier.id}@2 begins before that."
    )
    said.clear()
    check_continued(StartingPoint(earlier, 2), make_longer(2).config, said.append)
    assert said[1] == (
        "Up to step 2 its learning rates are those of 16 steps, so the result is that of 16 steps from the start."
    )


def test_a_run_that_began_elsewhere_itself_is_not_called_the_same(
    earlier: Run, make_longer: Callable[..., Run]
) -> None:
    fine_tuned = Run(earlier.path, earlier.config.model_copy(update={"init_from": "abc"}))
    said: list[str] = []
    check_continued(StartingPoint(fine_tuned, 4), make_longer(4).config, said.append)
    assert len(said) == 1


def test_a_length_that_is_not_beyond_the_checkpoint_is_refused(earlier: Run, make_longer: Callable[..., Run]) -> None:
    for steps in (7, 8):
        with pytest.raises(UsageError, match=f"^{steps} steps: --continue-from .*@8 begins at step 8; give more"):
            began(make_longer(8, steps), earlier, 8)
    assert began(make_longer(6, 7), earlier, 6).step() == 6  # shorter than the other run is another schedule


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 1}, r"differs in seed \(0 there, 1 here\); give the same options, or .* with --init-from .*@4"),
        ({"precision": "bf16"}, r"differs in precision \(fp32 there, bf16 here\)"),
        ({"variant": "v"}, r"differs in variant \(None there, v here\)"),
        ({"direction": "B2A"}, r"differs in direction \(None there, B2A here\)"),
        ({"method": "other"}, "that run is of toy, this one of other; name another run"),
    ],
)
def test_more_than_another_number_of_steps_is_refused_by_name(
    earlier: Run, make_longer: Callable[..., Run], changes: dict[str, Any], says: str
) -> None:
    config = make_longer(4).config.model_copy(update=changes)
    with pytest.raises(RunError, match=says):
        check_continued(StartingPoint(earlier, 4), config, print)


def test_each_field_of_the_config_that_differs_is_named(earlier: Run, make_longer: Callable[..., Run]) -> None:
    with pytest.raises(RunError, match=r"batch_size \(1 there, 2 here\), lr \(0\.01 there, 0\.5 here\); give"):
        check_continued(StartingPoint(earlier, 4), make_longer(4, batch_size=2, lr=0.5).config, print)


def test_how_activations_are_kept_may_differ(earlier: Run, make_longer: Callable[..., Run]) -> None:
    config = make_longer(4, checkpoint_activations=True).config
    check_continued(StartingPoint(earlier, 4), config, print)
    assert config.config["checkpoint_activations"] is True


def test_a_run_from_before_a_field_existed_has_the_value_that_such_runs_had(
    earlier: Run, make_longer: Callable[..., Run]
) -> None:
    old = {name: value for name, value in earlier.config.config.items() if name not in LATER}
    start = StartingPoint(Run(earlier.path, earlier.config.model_copy(update={"config": old})), 4)
    check_continued(start, make_longer(4).config, print)
    with pytest.raises(RunError, match=r"differs in ema \(0 there, 0\.5 here\); give"):
        check_continued(start, make_longer(4, ema=0.5).config, print)


def test_other_training_images_are_refused(earlier: Run, make_longer: Callable[..., Run]) -> None:
    config = make_longer(4).config
    other = config.model_copy(update={"dataset": config.dataset.model_copy(update={"fingerprint": "g", "name": "d"})})
    with pytest.raises(RunError, match="differs in its training images; give"):
        check_continued(StartingPoint(earlier, 4), other, print)


def test_an_imported_run_has_no_optimizers_to_go_on_with(earlier: Run, make_longer: Callable[..., Run]) -> None:
    origin = Origin(name="published", files={"a.pt": "ab"})
    imported = Run(earlier.path, earlier.config.model_copy(update={"origin": origin, "seed": None}))
    with pytest.raises(RunError, match=r"was imported and has no state of the optimizers; .* --init-from"):
        check_continued(StartingPoint(imported, 4), make_longer(4).config, print)


@pytest.mark.parametrize("part", ["method", "optimizer"])
def test_a_state_that_is_not_finite_is_refused_by_name(
    earlier: Run, make_longer: Callable[..., Run], part: str
) -> None:
    saved = checkpoint.load(earlier.checkpoint(4))
    name = max(saved.parts[part], key=lambda key: saved.parts[part][key].numel())
    saved.parts[part][name].view(-1)[0] = float("nan")
    checkpoint.save(earlier.checkpoints, saved)
    with pytest.raises(RunError, match=f"in its {part}, {name} has 1 of .* NaN or infinite; continue from an earlier"):
        check_continued(StartingPoint(earlier, 4), make_longer(4).config, print)


def test_a_run_that_another_process_trains_is_not_begun(
    earlier: Run, make_longer: Callable[..., Run], images: Images
) -> None:
    longer = make_longer(4)
    with longer.training_lock(), pytest.raises(RunError, match="is being trained by another process"):
        train(longer, images, CPU, EVERY_TWO, start=Start(continued=StartingPoint(earlier, 4)))
    assert longer.checkpoint_steps() == []
    assert not longer.metrics_file.exists()


def test_a_pipe_in_place_of_a_log_is_refused(earlier: Run, make_longer: Callable[..., Run]) -> None:
    earlier.metrics_file.unlink()
    os.mkfifo(earlier.metrics_file)
    with pytest.raises(RunError, match=r"metrics\.jsonl is a pipe and no file"):
        continuation.begin(make_longer(4), StartingPoint(earlier, 4), Machine(CPU), {})
