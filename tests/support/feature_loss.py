"""A method with two frozen networks: AlexNet's first layers for a feature loss, and an encoder that also translates."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ugbench.method import Batch, Direction, Group, Method, MethodConfig, Phase, parameters_of


class FeatureLossConfig(MethodConfig):
    lr: float = 1e-2
    feature_weight: float = 1.0  # 0: the features are not built
    encode: bool = False
    explode_at: int | None = None  # the step, from 0, whose loss is not finite


class FeatureLoss(Method):
    Config = FeatureLossConfig
    PRESETS: ClassVar = {"paper": {"steps": 8, "size": 32, "batch_size": 2}, "smoke": {"steps": 4, "size": 32}}
    VARIANTS: ClassVar = {"plain": {"feature_weight": 0.0}, "encoded": {"encode": True}}
    directions: ClassVar = ("A2B",)
    frozen: ClassVar = {"features": "alexnet", "encoder": "encoder"}
    config: FeatureLossConfig

    def __init__(self, config: FeatureLossConfig) -> None:
        super().__init__(config)
        self.generator = nn.Conv2d(3, 3, 3, padding=1)
        self.register_buffer("done", torch.zeros((), dtype=torch.long))
        if config.feature_weight:
            self.features = nn.Sequential(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU())
        if config.encode:
            self.encoder = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.5))

    def groups(self) -> dict[str, Group]:
        return {"generators": Group(parameters_of(self.generator), self.config.lr)}

    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("generators") as loss:
            fake = self.translate(batch.a, "A2B")
            loss["colour"] = (fake.mean((0, 2, 3)) - batch.b.mean((0, 2, 3))).square().mean()
            if self.config.feature_weight:
                gap = self.features(fake) - self.features(batch.b)
                loss["features"] = self.config.feature_weight * gap.square().mean()
            if self.config.explode_at is not None:
                loss["colour"] = loss["colour"] / (self.done != self.config.explode_at)
        self.done += 1

    def inference(self) -> dict[str, nn.Module]:
        networks: dict[str, nn.Module] = {"generator": self.generator}
        return {**networks, "encoder": self.encoder} if self.config.encode else networks

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        return torch.tanh(self.generator(self.encoder(x) if self.config.encode else x))
