"""A method that breaks one rule fails the check of that rule, in one sentence that names what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from ugbench import registry
from ugbench.contract.check import Check, Outcome, run_checks
from ugbench.contract.methods import METHOD_CHECKS, check_method
from ugbench.method import Batch, Direction, Draw, Group, Method, MethodConfig, Phase, parameters_of


class SoundConfig(MethodConfig):
    channels: int = 4
    lr: float = 1e-2


class Sound(Method):
    """Keeps every rule: two groups, a frozen network, a draw, a style, and an attention map."""

    Config = SoundConfig
    PRESETS: ClassVar[Any] = {"paper": {"steps": 8}, "smoke": {"size": 32, "batch_size": 2, "steps": 4}}
    directions: ClassVar[Any] = ("A2B",)
    style_dim = 3
    frozen: ClassVar[Any] = {"features": "features"}
    config: SoundConfig

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.mix, self.tint, self.critic = nn.Conv2d(3, 3, 1), nn.Linear(3, 3), nn.Conv2d(3, 1, 3)
        self.features = nn.Conv2d(3, 2, 1)
        self.scale = nn.Parameter(torch.ones(1))

    def groups(self) -> dict[str, Group]:
        networks = Group((*parameters_of(self.mix, self.tint), self.scale), self.config.lr)
        return {"networks": networks, "critic": Group(parameters_of(self.critic), self.config.lr)}

    def draws(self) -> dict[str, Draw]:
        return {"style": Draw("normal", (3,))}

    def step(self, batch: Batch, phase: Phase) -> None:
        fake = self.translate(batch.a, "A2B", batch.draws["style"])
        with phase("critic") as loss:
            loss["fake"] = self.critic(fake.detach()).square().mean()
            loss["real"] = (self.critic(batch.b) - 1).square().mean()
        with phase("networks") as loss:
            loss["fool"] = (self.scale * self.critic(fake) - 1).square().mean()
            loss["features"] = (self.features(fake) - self.features(batch.b)).square().mean()

    def inference(self) -> dict[str, nn.Module]:
        return {"mix": self.mix, "tint": self.tint}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        assert style is not None
        return torch.tanh(self.mix(x) + self.tint(style)[:, :, None, None])

    def encode_style(self, x: Tensor, direction: Direction) -> Tensor:
        return x.mean((2, 3))

    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        return {"map": self.mix(x).mean(1, keepdim=True)}

    def scalars(self) -> dict[str, Tensor]:
        return {"scale": self.scale.mean()}


class NoSmoke(Sound):
    PRESETS: ClassVar[Any] = {"paper": {"steps": 8}}


class VectorLoss(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic") as loss:
            loss["real"] = self.critic(batch.b).mean((1, 2, 3))


class Fails(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        raise KeyError("typo")


class HidesACounter(Sound):
    n = 0

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        self.n += 1


class SmallPaper(Sound):
    PRESETS: ClassVar[Any] = {**Sound.PRESETS, "paper": {"steps": 8, "size": 128}}


class WideSmoke(Sound):
    PRESETS: ClassVar[Any] = {**Sound.PRESETS, "smoke": {"size": 32, "steps": 4, "channels": 64}}


class VectorScalar(Sound):
    def scalars(self) -> dict[str, Tensor]:
        return {"bias": self.mix.bias}  # type: ignore[dict-item]


class ChangesFrozen(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        with torch.no_grad():
            self.features.weight.mul_(0.9)


class LeavesAGroupOut(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic") as loss:
            loss["real"] = self.critic(batch.b).square().mean()


class DoubleRate(Sound):
    def groups(self) -> dict[str, Group]:
        return {name: replace(group, schedule=lambda _step: 2.0) for name, group in super().groups().items()}


class MovesAnother(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic") as loss:
            loss["real"] = self.critic(batch.b).square().mean()
            with torch.no_grad():
                self.tint.bias.add_(1)


class MovesNothing(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic", "networks") as loss:
            loss["real"] = self.critic(batch.b).square().mean()


class NeedsTwo(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic") as loss:
            means = self.critic(batch.b).mean((1, 2, 3))
            loss["spread"] = 1 / (means - means.mean()).square().sum()


class NeedsPairs(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic") as loss:
            loss["pairs"] = self.critic(batch.b).mean((1, 2, 3)).view(-1, 2).square().mean()


class LosesPrecision(Sound):
    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.register_buffer("seen", torch.zeros(()))

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        self.seen = batch.b.mean().bfloat16()


class MakesNoiseOnTheCPU(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic") as loss:
            loss["noisy"] = self.critic(batch.b + torch.zeros(batch.b.shape)).square().mean()


class LossOnTheCPU(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic") as loss:
            loss["real"] = self.critic(batch.b).square().mean().cpu()


class Sums(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("critic") as loss:
            loss["real"] = self.critic(batch.b).square().sum()


class RemembersInTheClass(Sound):
    calls: ClassVar[list[int]] = []

    def step(self, batch: Batch, phase: Phase) -> None:
        self.calls.append(1)
        super().step(replace(batch, b=batch.b / (1 + 0.1 * len(self.calls))), phase)


class LeavesTheRange(Sound):
    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        return 3 * super().translate(x, direction, style)


class SubtractsTheBatch(Sound):
    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        return super().translate(x - x.mean(0), direction, style)


class KeepsAParameterToItself(Sound):
    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.shift = nn.Parameter(torch.randn(3, 1, 1))

    def groups(self) -> dict[str, Group]:
        groups = super().groups()
        return {**groups, "critic": Group((*groups["critic"].parameters, self.shift), 0.01)}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        return super().translate(x + self.shift, direction, style)


class OneStyle(Sound):
    def encode_style(self, x: Tensor, direction: Direction) -> Tensor:
        return torch.ones(len(x), 3, dtype=x.dtype)


class FlatAttention(Sound):
    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        return {"map": self.mix(x).mean(1)}


class AsksTheCritic(Sound):
    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        return {} if self.critic.weight.is_meta else {"critic": self.critic(x)}


class OtherFeatureMaps(Sound):
    def feature_maps(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        return {}


class RefusesRealImages(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        levels = (batch.b + 1) * 127.5
        has_levels = (levels - levels.round()).abs().max() < 1e-3
        with phase("critic") as loss:
            loss["levels"] = self.critic(batch.b).square().mean() / torch.where(has_levels, 0.0, 1.0)


class KnowsItsEnd(Sound):
    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(replace(batch, b=batch.b / self.config.known_steps), phase)


class ReadsSizeAsANumber(Sound):
    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.register_buffer("image", torch.zeros(3, config.size, config.size))  # type: ignore[call-overload]


class SquaresConfig(SoundConfig):
    size: int = 256


class TakesSquares(ReadsSizeAsANumber):
    Config = SquaresConfig


CHECKS = {check.name: check for check in METHOD_CHECKS}
BROKEN: Mapping[type[Sound], tuple[str, str]] = {
    NoSmoke: ("configs", "PRESETS has no smoke; each method has paper and smoke."),
    VectorLoss: ("shapes", "the loss term 'real' of the phase 'critic' has the shape (2,)"),
    Fails: ("shapes", "theirs fails there (KeyError: 'typo'); correct it."),
    HidesACounter: ("shapes", "a training step of theirs changes the attribute n, which no checkpoint has"),
    SmallPaper: ("paper-size", "the preset paper has size 128"),
    WideSmoke: ("smoke-size", "the preset smoke has channels=64; give at most 16 channels."),
    ReadsSizeAsANumber: ("rectangles", "fails there with images of 32x64 px (TypeError: "),
    VectorScalar: ("scalars", "scalars() gives bias the shape (3,)"),
    ChangesFrozen: ("frozen", "a step changes features.weight of a frozen network"),
    LeavesAGroupOut: ("updates", "no phase updates the group networks"),
    DoubleRate: ("schedules", "the schedule of the group networks gives [2.0, 2.0, 2.0, 2.0]"),
    MovesAnother: ("phases", "the phase 'critic' moves tint.bias, which is in none of its groups."),
    MovesNothing: ("phases", "the phase 'critic+networks' moves no parameter of the group networks"),
    NeedsTwo: ("batch-of-1", "the loss critic/spread is inf on random images."),
    NeedsPairs: ("batch-of-3", "RuntimeError: shape '[-1, 2]' is invalid for input of size 3."),
    LosesPrecision: ("bfloat16", "seen is stored as bfloat16 when the networks run in it"),
    MakesNoiseOnTheCPU: ("devices", "here tensors of two devices meet when a step runs on a GPU"),
    LossOnTheCPU: ("devices", "the losses critic/real are on the CPU when the networks are on a GPU."),
    Sums: ("means", "when the batch holds every image twice; take the mean over the samples."),
    RemembersInTheClass: ("state", "after the state dict was loaded into a new method, the next step gives"),
    LeavesTheRange: ("translation", "end with tanh or a clamp."),
    SubtractsTheBatch: ("neighbours", "when other images are in the batch; compute each output from its own input"),
    KeepsAParameterToItself: ("inference", "translate(A2B) depends on more than the networks of inference()"),
    OneStyle: ("styles", "encode_style(A2B) gives two images the same style; compute it from the image."),
    FlatAttention: ("attention", "attention(A2B) gives map the shape (3, 32, 32) for 3 images; give (3, 1, h, w)."),
    AsksTheCritic: ("imported-attention", "give ['critic'], or name the others in output_maps."),
    OtherFeatureMaps: (
        "feature-maps",
        "feature_maps(A2B) has [] of the maps ['map'] of attention; give all, in order.",
    ),
    RefusesRealImages: ("draws", "the loss critic/levels is inf with the draws of the engine."),
    KnowsItsEnd: ("continue", "a training that is continued from half of its steps ends with other values of method"),
}


def install(method: type[Sound], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the registry find the method under the name `theirs`."""
    monkeypatch.setattr(registry, "load_method", lambda _name: method)
    monkeypatch.setattr(registry, "modules", lambda _group: {"theirs": __name__})


def outcomes_of(*checks: Check, method: type[Sound]) -> list[Outcome]:
    return list(run_checks(checks, "theirs", (None,), lambda function: getattr(method, function)))


def test_a_method_that_keeps_every_rule_passes_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    install(Sound, monkeypatch)
    outcomes = list(check_method("theirs"))
    assert [(outcome.check, outcome.reason) for outcome in outcomes if outcome.status != "ok"] == []
    assert [outcome.check for outcome in outcomes] == list(CHECKS)


@pytest.mark.parametrize("method", BROKEN, ids=lambda method: method.__name__)
def test_a_method_that_breaks_a_rule_fails_its_check(method: type[Sound], monkeypatch: pytest.MonkeyPatch) -> None:
    install(method, monkeypatch)
    name, sentence = BROKEN[method]
    (outcome,) = outcomes_of(CHECKS[name], method=method)
    assert (outcome.status, outcome.variants) == ("failed", (None,))
    assert outcome.reason is not None and sentence in outcome.reason, outcome.reason


def test_a_method_that_says_that_it_takes_squares_only_breaks_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    install(TakesSquares, monkeypatch)
    outcomes = {outcome.check: outcome for outcome in check_method("theirs")}
    assert {outcome.status for name, outcome in outcomes.items() if name != "rectangles"} == {"ok"}
    assert outcomes["rectangles"].status == "skipped"
    assert "the config has `size: int`, so the method takes squares only" in str(outcomes["rectangles"].reason)


def test_a_failure_that_has_no_line_names_that_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    install(LeavesTheRange, monkeypatch)
    (outcome,) = outcomes_of(CHECKS["translation"], method=LeavesTheRange)
    line = LeavesTheRange.translate.__code__.co_firstlineno
    assert outcome.reason is not None and outcome.reason.startswith(f"{__file__}:{line}: translate(A2B) gives values")


def test_after_a_rule_that_the_others_need_they_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    install(Fails, monkeypatch)
    outcomes = list(check_method("theirs"))
    assert [outcome.status for outcome in outcomes] == ["ok", "ok", "failed", *["skipped"] * (len(CHECKS) - 3)]
    assert outcomes[-1].reason == "it needs what the check shapes found to be wrong"


@pytest.mark.parametrize("name", ["resume", "resume-each-step"])
def test_state_outside_of_a_run_ends_a_killed_training_differently(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install(RemembersInTheClass, monkeypatch)
    (outcome,) = outcomes_of(CHECKS[name], method=RemembersInTheClass)
    assert outcome.status == "failed" and "started again ends with other values of" in str(outcome.reason)
