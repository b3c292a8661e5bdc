"""Slow mover: a cycle and a discriminator, trained with RAdam; a moving average of the weights translates."""

from __future__ import annotations

import copy
from typing import ClassVar

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from ugbench.method import Batch, Direction, Group, Method, MethodConfig, Phase, parameters_of


class SlowMoverConfig(MethodConfig):
    """Options of the slow mover."""

    channels: PositiveInt = Field(16, description="channels of the hidden layers")
    lr: PositiveFloat = Field(2e-3, description="learning rate of RAdam")
    decay: float = Field(0.9, ge=0, lt=1, description="share of the moving average that stays after a step")
    cycle_weight: PositiveFloat = Field(5.0, description="weight of the L1 cycle loss")


def translator(channels: int) -> nn.Sequential:
    """Images (n, 3, h, w) in [-1, 1] to images of the same shape."""
    return nn.Sequential(
        *(nn.Conv2d(3, channels, 3, padding=1), nn.InstanceNorm2d(channels), nn.ReLU()),
        *(nn.Conv2d(channels, 3, 3, padding=1), nn.Tanh()),
    )


class SlowMover(Method):
    """Three networks: a translator, its inverse and a discriminator; and a copy of the translator that follows it."""

    title: ClassVar[str] = "Slow mover"
    Config = SlowMoverConfig
    PRESETS: ClassVar = {"paper": {"steps": 1000}, "smoke": {"size": 32, "batch_size": 4, "steps": 40, "channels": 8}}
    directions: ClassVar[tuple[Direction, ...]] = ("A2B",)
    config: SlowMoverConfig

    def __init__(self, config: SlowMoverConfig) -> None:
        super().__init__(config)
        self.forth, self.back = translator(config.channels), translator(config.channels)
        self.critic = nn.Sequential(
            nn.Conv2d(3, config.channels, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(config.channels, 1, 3)
        )
        self.average = copy.deepcopy(self.forth).requires_grad_(False)

    def groups(self) -> dict[str, Group]:
        lr = self.config.lr
        return {
            "critic": Group(parameters_of(self.critic), lr, (0.5, 0.99), optimizer="radam"),
            "translators": Group(parameters_of(self.forth, self.back), lr, (0.5, 0.99), optimizer="radam"),
        }

    def step(self, batch: Batch, phase: Phase) -> None:
        fake = self.forth(batch.a)
        with phase("critic") as loss:
            loss["real"] = (self.critic(batch.b) - 1).square().mean()
            loss["fake"] = self.critic(fake.detach()).square().mean()
        with phase("translators") as loss:
            loss["adversarial"] = (self.critic(fake) - 1).square().mean()
            loss["cycle"] = self.config.cycle_weight * (self.back(fake) - batch.a).abs().mean()
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.forth.parameters(), strict=True):
                slow.lerp_(fast, 1 - self.config.decay)

    def inference(self) -> dict[str, nn.Module]:
        return {"average": self.average}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        y: Tensor = self.average(x)
        return y
