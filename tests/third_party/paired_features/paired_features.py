"""Paired features: learns from pairs of images, by differences of pixels and of the features of a frozen network."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from ugbench.method import Batch, Direction, Group, Method, MethodConfig, Phase, parameters_of


class PairedFeaturesConfig(MethodConfig):
    """Options of paired features."""

    channels: PositiveInt = Field(16, description="channels of the hidden layers")
    lr: PositiveFloat = Field(2e-3, description="learning rate of AdamW")
    feature_weight: NonNegativeFloat = Field(1.0, description="weight of the feature loss; 0: no feature network")


class PairedFeatures(Method):
    """One translator, and a feature network whose weights are given."""

    title: ClassVar[str] = "Paired features"
    Config = PairedFeaturesConfig
    PRESETS: ClassVar = {"paper": {"steps": 1000}, "smoke": {"size": 32, "batch_size": 4, "steps": 40, "channels": 8}}
    VARIANTS: ClassVar = {"no-features": {"feature_weight": 0}}
    directions: ClassVar[tuple[Direction, ...]] = ("A2B",)
    paired = True
    frozen: ClassVar = {"features": "edges-net"}
    config: PairedFeaturesConfig

    def __init__(self, config: PairedFeaturesConfig) -> None:
        super().__init__(config)
        channels = config.channels
        self.translator = nn.Sequential(
            *(nn.Conv2d(3, channels, 3, padding=1), nn.InstanceNorm2d(channels), nn.ReLU()),
            *(nn.Conv2d(channels, 3, 3, padding=1), nn.Tanh()),
        )
        if config.feature_weight:
            self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3))

    def groups(self) -> dict[str, Group]:
        return {
            "translator": Group(parameters_of(self.translator), self.config.lr, optimizer="adamw", weight_decay=0.01)
        }

    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("translator") as loss:
            fake = self.translator(batch.a)
            loss["pixels"] = (fake - batch.b).abs().mean()
            if self.config.feature_weight:
                gap = self.features(fake) - self.features(batch.b)
                loss["features"] = self.config.feature_weight * gap.square().mean()

    def inference(self) -> dict[str, nn.Module]:
        return {"translator": self.translator}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        y: Tensor = self.translator(x)
        return y
