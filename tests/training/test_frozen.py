"""Frozen networks: their weights decide the run's id, are in no checkpoint, and never change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from feature_loss import FeatureLoss
from frozen_weights import feature_loss, frozen_state, weights
from safetensors.torch import load_file, save_file
from torch import Tensor

from ugbench import registry
from ugbench.errors import NonFiniteLoss, RunError, UgbenchError, UnknownName, UsageError, WeightsError
from ugbench.inference import translate
from ugbench.nn.weight_files import digest
from ugbench.runs import checkpoint
from ugbench.runs.near_misses import near_miss
from ugbench.runs.run import Run
from ugbench.training import loop, prepare
from ugbench.training.callbacks import Callbacks
from ugbench.training.estimate import estimate
from ugbench.training.intervals import Intervals
from ugbench.training.machine import Machine
from ugbench.training.request import Request
from ugbench.training.start import StartOptions
from ugbench.training.state import new_state

__all__ = ["feature_loss", "weights"]

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=100, keep=None)
Ask = Callable[..., Request]


class Crash(Exception):
    """Stands for a kill right after a step."""


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def ask(tmp_path: Path, data_root: Path, feature_loss: str, weights: dict[str, Path]) -> Ask:
    """ask(variant, weights, config field=value): a request for a run of the method with frozen networks."""

    def request(
        variant: str | None = "encoded",
        files: Mapping[str, Path] = weights,
        results: str = "results",
        start: StartOptions | None = None,
        method: str = feature_loss,
        **fields: Any,
    ) -> Request:
        return Request(
            method=method,
            dataset="dial:size=32,train=4,test=3",
            results=tmp_path / results,
            data_root=data_root,
            device=CPU,
            variant=variant,
            overrides=fields,
            precision="fp32",
            weights=files,
            start=start or StartOptions(),
        )

    return request


def train(request: Request, crash_after: int | None = None) -> Run:
    def on_step(step: int, _steps: int, _losses: object) -> None:
        if step == crash_after:
            raise Crash

    run, images, start = prepare.prepare(request)
    assert images is not None
    loop.train(run, images, CPU, EVERY_TWO, Callbacks(on_step=on_step), start)
    return run


def saved(run: Run, step: int | None = None) -> tuple[str, str]:
    """Digests of a checkpoint, the last one by default."""
    parts = checkpoint.load(run.checkpoint(run.step() if step is None else step)).parts
    return checkpoint.digest(parts["method"]), checkpoint.digest(parts["optimizer"])


def test_the_id_depends_on_the_weights_and_not_on_their_file(
    ask: Ask, weights: dict[str, Path], tmp_path: Path
) -> None:
    state = frozen_state("features")
    save_file(state, tmp_path / "bare.safetensors")
    torch.save({f"module.{key}": tensor.double() for key, tensor in reversed(state.items())}, tmp_path / "wrapped.pth")
    torch.save(frozen_state("features", seed=1), tmp_path / "other.pth")
    asked = ask()
    run = prepare.planned_run(asked)
    assert run.config.frozen == {
        "features": digest(state),
        "encoder": digest(frozen_state("encoder")),
    }
    ids = {}
    for name in ("bare.safetensors", "wrapped.pth", "other.pth"):
        files = {**weights, "alexnet": tmp_path / name}
        ids[name] = prepare.planned_run(dataclasses.replace(asked, weights=files)).id
    assert ids["bare.safetensors"] == ids["wrapped.pth"] == run.id != ids["other.pth"]


def test_a_network_that_the_config_does_not_build_needs_no_weights(ask: Ask, weights: dict[str, Path]) -> None:
    assert prepare.planned_run(ask("plain", {})).config.frozen == {}
    assert set(prepare.planned_run(ask(None, {"alexnet": weights["alexnet"]})).config.frozen) == {"features"}
    assert prepare.planned_run(ask("plain", weights)).id == prepare.planned_run(ask("plain", {})).id


@pytest.mark.parametrize("step", [1, 4, 5])
def test_a_killed_run_goes_on_to_the_same_bits_and_no_checkpoint_has_frozen_weights(ask: Ask, step: int) -> None:
    whole = train(ask())
    with pytest.raises(Crash):
        train(ask(results="killed"), crash_after=step)
    killed = train(ask(results="killed"))
    assert saved(killed) == saved(whole)
    assert killed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    names = checkpoint.load(whole.checkpoint(8)).parts["method"].keys()
    assert names == {"generator.weight", "generator.bias", "done"}


def test_other_weights_are_another_run_with_other_numbers(ask: Ask, weights: dict[str, Path], tmp_path: Path) -> None:
    torch.save(frozen_state("features", seed=1), tmp_path / "other.pth")
    first, second = train(ask()), train(ask(files={**weights, "alexnet": tmp_path / "other.pth"}))
    assert first.path != second.path and saved(first) != saved(second)
    sentence = near_miss(dataclasses.replace(second, path=second.path.with_name("new")), [first])
    here, there = (run.config.frozen["features"][:6] for run in (second, first))
    assert sentence is not None and f"only in the weights of features ({there} there, {here} here);" in sentence


def test_a_step_that_is_not_finite_leads_back_to_the_frozen_weights(ask: Ask) -> None:
    with pytest.raises(NonFiniteLoss, match=r"the state of step 5 is kept"):
        train(ask(explode_at=5))
    run = prepare.planned_run(ask(explode_at=5))
    later = ask(explode_at=7)
    with pytest.raises(Crash):
        train(later, crash_after=6)
    with pytest.raises(NonFiniteLoss):
        train(later)
    assert saved(run, 4) == saved(prepare.planned_run(later), 4)
    logs = [other.metrics_file.read_text().splitlines() for other in (run, prepare.planned_run(later))]
    assert len(logs[0]) == 5 and logs[0] == logs[1][:5]


def test_frozen_networks_stay_in_eval_mode_and_require_no_gradients(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    method = registry.load_method("feature_loss")
    seen, step = [], method.step

    def look(self: FeatureLoss, *arguments: Any) -> None:
        modules = [*self.features.modules(), *self.encoder.modules()]
        assert not any(parameter.requires_grad for module in modules for parameter in module.parameters())
        seen.append((self.training, self.generator.training, any(module.training for module in modules)))
        step(self, *arguments)

    monkeypatch.setattr(method, "step", look)
    run = train(ask())
    assert seen == [(True, True, False)] * (1 + run.steps)  # the first one, on shapes, checks the method
    stored = load_file(run.generators_file)
    assert torch.equal(stored["encoder.1.running_mean"], frozen_state("encoder")["1.running_mean"])


def bad_files(folder: Path) -> dict[str, Path]:
    good = frozen_state("features")
    states: dict[str, dict[str, Tensor]] = {
        "shape": {**good, "0.weight": good["0.weight"][:, :1]},
        "key": {"0.weight": good["0.weight"]},
        "prefixes": {"features.0.weight": good["0.weight"], "other.0.bias": good["0.bias"]},
        "nan": {**good, "0.bias": good["0.bias"] * float("nan")},
        "twice": {f"{prefix}.{key}": tensor for prefix in "ab" for key, tensor in good.items()},
        "sparse": {**good, "0.bias": good["0.bias"].to_sparse()},
    }
    for name, state in states.items():
        torch.save(state, folder / f"{name}.pth")
    (folder / "damaged.pth").write_bytes(b"no file of torch")
    return {path.stem: path for path in folder.glob("*.pth")}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shape", "holds another network: 0.weight is (64, 1, 11, 11) and should be (64, 3, 11, 11); give the file of"),
        ("key", "holds another network: it lacks 0.bias; give the file of this one."),
        ("prefixes", "holds another network: it lacks features.0.bias; give the file of this one."),
        ("nan", ": 0.bias has 64 of 64 values that are NaN or infinite; give another file."),
        ("twice", "holds this network 2 times, under a. and b.; give a file with one of them."),
        (
            "sparse",
            ": 0.bias is no plain tensor of real numbers (float32, sparse_coo, shape (64,)); give another",
        ),
        ("damaged", "is refused: it is damaged or holds more than tensors, which could run code; it takes the weights"),
        ("gone", ": there is no such file; give the weights of features of feature_loss."),
    ],
)
@pytest.mark.parametrize("call", [prepare.prepare, prepare.planned_run])
def test_a_wrong_file_is_refused_and_nothing_is_written(
    ask: Ask, weights: dict[str, Path], tmp_path: Path, name: str, message: str, call: Callable[..., Any]
) -> None:
    file = bad_files(tmp_path).get(name, tmp_path / "gone.pth")
    with pytest.raises(WeightsError) as caught:
        call(ask(files={**weights, "alexnet": file}))
    assert str(caught.value).startswith(f"--weights alexnet={file}") and message in str(caught.value)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {},
            WeightsError,
            "the weights of 'alexnet' were not found, and feature_loss needs them for its frozen network ",
        ),
        ({"alexnett": Path("x")}, UnknownName, r"did you mean 'alexnet'\? Known: alexnet, encoder\."),
    ],
)
def test_names_that_are_missing_or_unknown_are_refused(
    ask: Ask, tmp_path: Path, given: dict[str, Path], error: type[UgbenchError], message: str
) -> None:
    with pytest.raises(error, match=message):
        prepare.prepare(ask(files=given))
    assert not (tmp_path / "results").exists()


def test_a_method_without_frozen_networks_says_so(ask: Ask, weights: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match=r"alexnet\.pth: cyclegan has no frozen networks; leave the option out\."):
        prepare.prepare(ask(None, {"alexnet": weights["alexnet"]}, method="cyclegan"))


def test_training_without_the_weights_is_refused(ask: Ask) -> None:
    run, images, _ = prepare.prepare(ask())
    assert images is not None
    with pytest.raises(WeightsError, match=r"network features has no weights; give --weights alexnet=FILE\."):
        loop.train(run, images, CPU)


def test_translation_with_a_frozen_network_needs_no_file_at_any_step(ask: Ask, weights: dict[str, Path]) -> None:
    run = train(ask())
    for file in weights.values():
        file.unlink()
    assert {name.split(".")[0] for name in load_file(run.generators_file)} == {"generator", "encoder"}
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for step, everything in ((None, False), (None, True), (4, False), (4, True)):
        method, trained_steps = translate.load(run, CPU, step, all_networks=everything)
        assert trained_steps == (step or 8)
        expected = registry.load_method("feature_loss")(run.config.method_config()).eval()
        expected.load_state_dict(checkpoint.load(run.checkpoint(trained_steps)).parts["method"])
        expected.encoder.load_state_dict(frozen_state("encoder"))
        (output,), (wanted,) = (translate.translate(each, images, "A2B") for each in (method, expected))
        assert torch.equal(output, wanted)


def test_generators_that_are_gone_are_written_again_with_the_frozen_weights(ask: Ask) -> None:
    run = train(ask())
    before = run.generators_file.read_bytes()
    run.generators_file.unlink()
    with pytest.raises(RunError, match=r"generators\.safetensors is missing; to fix this, give the command again"):
        translate.load(run, CPU, 4)
    train(ask())
    assert run.generators_file.read_bytes() == before


def test_a_run_without_a_frozen_network_for_translation_stores_nothing_of_it(
    ask: Ask, weights: dict[str, Path]
) -> None:
    run = train(ask(None, {"alexnet": weights["alexnet"]}))
    assert set(load_file(run.generators_file)) == {"generator.weight", "generator.bias"}
    method, _ = translate.load(run, CPU, all_networks=True)
    with pytest.raises(RunError, match="has no weights of features, which this needs"):
        method.features(torch.zeros(1, 3, 32, 32))


def test_a_run_continues_with_equal_weights_alone(ask: Ask, weights: dict[str, Path], tmp_path: Path) -> None:
    whole, earlier = train(ask()), train(ask(steps=4))
    on = StartOptions(continue_from=earlier.id)
    torch.save(frozen_state("encoder", seed=1), tmp_path / "other.pth")
    with pytest.raises(RunError, match=r"that run differs in the weights of encoder \(\w{6} there, \w{6} here\)"):
        prepare.prepare(ask(files={**weights, "encoder": tmp_path / "other.pth"}, start=on))
    begun, _, start = prepare.prepare(ask(start=on))
    start.begin(begun, Machine(CPU))
    assert load_file(begun.generators_file).keys() == load_file(whole.generators_file).keys()
    continued = train(ask(start=on))
    assert continued.path == begun.path and saved(continued) == saved(whole)


def test_a_run_that_starts_from_another_takes_no_frozen_weights(ask: Ask, weights: dict[str, Path]) -> None:
    earlier = train(ask("plain", {}))
    sentences: list[str] = []
    request = ask(start=StartOptions(init_from=earlier.id), steps=2)
    run, _, start = prepare.prepare(request, sentences.append)
    assert start.initial is not None and set(start.initial) == {"generator.weight", "generator.bias"}
    assert any(text.endswith("taken: generator (2 tensors).") for text in sentences)
    state = new_state(run, CPU, start)
    assert torch.equal(state.method.generator.weight, start.initial["generator.weight"])
    assert torch.equal(state.method.encoder[0].weight, frozen_state("encoder")["0.weight"])


def test_frozen_weights_take_memory_and_no_room_in_checkpoints(ask: Ask) -> None:
    plain, featured = (
        estimate("feature_loss", registry.load_method("feature_loss").make_config("paper", variant), "fp32")
        for variant in ("plain", None)
    )
    count = sum(tensor.numel() for tensor in frozen_state("features").values())
    assert featured.state == plain.state + 4 * count
    assert (featured.checkpoint, featured.generators) == (plain.checkpoint, plain.generators)
