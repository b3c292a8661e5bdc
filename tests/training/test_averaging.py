"""`ema`: the moving average translates, is saved and resumed in every bit, and changes nothing of the training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from toy_runs import Crash, Toy, crash_after

from ugbench.errors import ConfigError, RunError
from ugbench.inference.translate import load
from ugbench.runs import checkpoint
from ugbench.runs.manifest import read_manifest, write_manifest
from ugbench.runs.run import Run, open_run
from ugbench.runs.starting_point import StartingPoint
from ugbench.training.averaging import MovingAverage
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.machine import Machine
from ugbench.training.start import Start
from ugbench.training.state import new_state

CPU = torch.device("cpu")
EVERY_STEP = Intervals(save_every=1, log_every=1, sample_every=4, keep=None)
DECAY = 0.4


def weights(run: Run, step: int, part: str = "method") -> dict[str, torch.Tensor]:
    tensors = checkpoint.load(run.checkpoint(step)).parts[part]
    return {name: tensor for name, tensor in tensors.items() if name.startswith("generator.")}


def test_the_average_follows_the_generators_and_begins_at_their_initial_weights(
    make_run: Callable[..., Run], images: Images
) -> None:
    run = make_run(ema=DECAY)
    initial = {name: torch.clone(tensor) for name, tensor in initial_weights(run).items()}
    train(run, images, CPU, EVERY_STEP)
    expected = initial
    for step in range(1, 9):
        decay = min(DECAY, (1 + step) / (10 + step))
        expected = {name: torch.lerp(old, weights(run, step)[name], 1 - decay) for name, old in expected.items()}
        assert checkpoint.digest(weights(run, step, "average")) == checkpoint.digest(expected)
    assert set(weights(run, 8, "average")) == {"generator.weight", "generator.bias"}, "the discriminator has none"
    assert DECAY == (1 + 5) / (10 + 5), "both rules were at work"


def initial_weights(run: Run) -> dict[str, torch.Tensor]:
    state = new_state(run, CPU, Start()).method.state_dict()
    return {name: tensor for name, tensor in state.items() if name.startswith("generator.")}


def test_the_networks_train_in_the_same_bits_as_without(make_run: Callable[..., Run], images: Images) -> None:
    plain, averaged = make_run("plain"), make_run("averaged", ema=DECAY)
    for run in (plain, averaged):
        train(run, images, CPU, EVERY_STEP)
    parts = [checkpoint.load(run.checkpoint(8)).parts for run in (plain, averaged)]
    assert parts[0].keys() | {"average"} == parts[1].keys()
    for part in ("method", "optimizer"):
        assert checkpoint.digest(parts[0][part]) == checkpoint.digest(parts[1][part])
    assert plain.metrics_file.read_bytes() == averaged.metrics_file.read_bytes()


@pytest.mark.parametrize("step", [1, 3, 7])
def test_a_resumed_average_has_the_same_bits(make_run: Callable[..., Run], images: Images, step: int) -> None:
    whole, killed = make_run("whole", ema=DECAY), make_run("killed", ema=DECAY)
    train(whole, images, CPU, EVERY_STEP)
    with pytest.raises(Crash):
        train(killed, images, CPU, EVERY_STEP, crash_after(step))
    assert train(killed, images, CPU, EVERY_STEP) == step
    for part in ("method", "average"):
        assert checkpoint.digest(weights(killed, 8, part)) == checkpoint.digest(weights(whole, 8, part))


@pytest.mark.parametrize("step", [None, 8, 5])
@pytest.mark.parametrize("all_networks", [True, False])
def test_translation_has_the_average_at_the_last_step_and_at_kept_ones(
    make_run: Callable[..., Run], images: Images, step: int | None, all_networks: bool
) -> None:
    run = make_run(ema=DECAY)
    train(run, images, CPU, EVERY_STEP)
    method, trained = load(run, CPU, step, all_networks)
    assert trained == (step or 8)
    state = {name: tensor for name, tensor in method.state_dict().items() if name.startswith("generator.")}
    assert checkpoint.digest(state) == checkpoint.digest(weights(run, trained, "average"))
    assert checkpoint.digest(state) != checkpoint.digest(weights(run, trained))


def test_a_damaged_generators_file_is_written_again_with_the_average(
    make_run: Callable[..., Run], images: Images
) -> None:
    run = make_run(ema=DECAY)
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_STEP, crash_after(4))
    run.generators_file.write_bytes(b"x")
    with pytest.raises(Crash):
        train(run, images, CPU, Intervals(save_every=8), crash_after(5))
    tensors, step = checkpoint.read_generators(run.generators_file)
    assert step == 4
    assert checkpoint.digest(tensors) == checkpoint.digest(weights(run, 4, "average"))


def test_sample_grids_show_the_average_and_the_training_goes_on_with_the_weights(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = make_run(ema=DECAY), []
    translate = Toy.translate

    def note(self: Toy, x: torch.Tensor, direction: str, style: torch.Tensor | None = None) -> torch.Tensor:
        seen.append({f"generator.{name}": tensor.clone() for name, tensor in self.generator.state_dict().items()})
        return translate(self, x, direction, style)

    monkeypatch.setattr(Toy, "translate", note)
    train(run, images, CPU, EVERY_STEP)
    assert [checkpoint.digest(state) for state in seen[::2]] == [
        checkpoint.digest(weights(run, step, "average")) for step in (4, 8)
    ]


def test_the_parameters_are_put_back_after_an_error_too() -> None:
    method = Toy(Toy.make_config("smoke"))
    average = MovingAverage(method, DECAY)
    for tensor in average.tensors.values():
        tensor.fill_(7)
    before = checkpoint.digest(method.state_dict())
    with pytest.raises(Crash), average.in_place():
        assert method.generator.weight.eq(7).all()
        raise Crash
    assert checkpoint.digest(method.state_dict()) == before


def test_a_checkpoint_that_lost_its_average_is_refused(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run(ema=DECAY)
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_STEP, crash_after(2))
    folder = run.checkpoint(2)
    manifest = read_manifest(folder)
    files = {name: record for name, record in manifest.files.items() if "average" not in name}
    write_manifest(folder, type(manifest)(manifest.step, files, manifest.notes))
    with pytest.raises(RunError, match=r"has no such tensor for generator\.bias, and the method has"):
        train(run, images, CPU, EVERY_STEP)


def test_no_average_keeps_the_id_of_a_run_and_another_decay_is_another_run(make_run: Callable[..., Run]) -> None:
    plain, averaged, other = make_run("a"), make_run("b", ema=DECAY), make_run("c", ema=0.5)
    assert len({plain.id, averaged.id, other.id}) == 3
    fields = {name: value for name, value in plain.config.config.items() if name != "ema"}
    assert plain.config.model_copy(update={"config": fields}).id == plain.id, "as a run from before had it"


@pytest.mark.parametrize("decay", [-0.1, 1, "much"])
def test_a_decay_that_is_no_share_is_refused(decay: object) -> None:
    with pytest.raises(ConfigError, match="ema"):
        Toy.make_config("smoke", overrides={"ema": decay})


def test_a_run_of_an_older_version_goes_on(make_run: Callable[..., Run], images: Images, tmp_path: Path) -> None:
    run = make_run()
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_STEP, crash_after(3))
    file = run.path / "config.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["config"]["ema"]
    file.write_text(json.dumps(content), encoding="utf-8")
    assert train(open_run(run.dataset_folder, run.config), images, CPU, EVERY_STEP) == 3


def test_a_run_that_continues_another_takes_its_average(make_run: Callable[..., Run], images: Images) -> None:
    earlier, whole = make_run("earlier", ema=DECAY), make_run("whole", steps=12, ema=DECAY)
    for run in (earlier, whole):
        train(run, images, CPU, EVERY_STEP)
    config = whole.config.model_copy(update={"continue_from": f"{earlier.id}@6"})
    longer = open_run(earlier.results / "longer", config)
    Start(continued=StartingPoint(earlier, 6)).begin(longer, Machine(CPU))
    state = load(longer, CPU)[0].state_dict()
    assert torch.equal(state["generator.weight"], weights(earlier, 6, "average")["generator.weight"])
    assert train(longer, images, CPU, EVERY_STEP) == 6
    assert checkpoint.digest(weights(longer, 12, "average")) == checkpoint.digest(weights(whole, 12, "average"))
