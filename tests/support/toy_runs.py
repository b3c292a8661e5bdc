"""A small method with everything that an engine must keep: two groups, draws, and a buffer that a step changes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from ugbench import registry
from ugbench.method import Batch, Draw, Group, Method, MethodConfig, Phase
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run
from ugbench.training.callbacks import Callbacks
from ugbench.training.images import Images


class Crash(Exception):
    """Stands for a kill right after a step."""


def crash_after(step: int) -> Callbacks:
    """Callbacks that end a training as a kill would, after so many steps."""

    def tick(done: int, _steps: int, _losses: object) -> None:
        if done == step:
            raise Crash

    return Callbacks(on_step=tick)


class ToyConfig(MethodConfig):
    lr: float = 1e-2
    explode_at: int | None = None  # the step, from 0, whose generator loss is not finite
    explode_in: str = "loss"  # or "gradient"


class Toy(Method):
    Config = ToyConfig
    PRESETS: ClassVar = {"paper": {"steps": 8, "size": 8}, "smoke": {"steps": 4, "size": 8}}

    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.generator = nn.Conv2d(3, 3, 3, padding=1)
        self.discriminator = nn.Conv2d(3, 1, 3)
        self.register_buffer("memory", torch.zeros(3))
        self.register_buffer("done", torch.zeros((), dtype=torch.long))

    def groups(self) -> dict[str, Group]:
        lr = self.config.lr
        return {
            "generators": Group(tuple(self.generator.parameters()), lr, (0.5, 0.999), schedule=lambda s: 1 / (1 + s)),
            "discriminators": Group(tuple(self.discriminator.parameters()), lr, (0.5, 0.999), weight_decay=1e-2),
        }

    def draws(self) -> dict[str, Draw]:
        return {"noise": Draw("normal", (3, 1, 1)), "coin": Draw("uniform", (), per="step")}

    def step(self, batch: Batch, phase: Phase) -> None:
        fake = torch.tanh(self.generator(batch.a + batch.draws["noise"] * batch.draws["coin"]))
        with phase("discriminators") as loss:
            loss["real"] = (self.discriminator(batch.b) - 1).square().mean()
            loss["fake"] = self.discriminator(fake.detach() + self.memory.view(1, 3, 1, 1)).square().mean()
        with phase("generators") as loss:
            loss["adversarial"] = (self.discriminator(fake) - 1).square().mean()
            if self.config.explode_at is not None:
                hit = (self.done == self.config.explode_at).to(fake.dtype)
                if self.config.explode_in == "loss":
                    loss["cycle"] = fake.mean() + torch.log(1 - hit).abs()
                else:  # sqrt of 0 is finite, its gradient is not
                    loss["cycle"] = (fake.square().sum() * (1 - hit)).sqrt()
        self.memory.lerp_(fake.detach().mean((0, 2, 3)), 0.5)
        self.done += 1

    def inference(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def translate(self, x: Tensor, direction: str, style: Tensor | None = None) -> Tensor:
        return torch.tanh(self.generator(x))

    def scalars(self) -> dict[str, Tensor]:
        return {"memory/mean": self.memory.mean()}


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> type[Toy]:
    """Toy, found by the registry under any name."""
    monkeypatch.setattr(registry, "load_method", lambda name: Toy)
    return Toy


@pytest.fixture
def images() -> Images:
    """Ten images a domain at the training size of 8 px, two shown."""
    random = torch.Generator().manual_seed(1)
    a, b = torch.randint(0, 256, (2, 10, 3, 9, 9), generator=random, dtype=torch.uint8)
    return Images(a, b, {"A": a[:2, :, :8, :8], "B": b[:2, :, :8, :8]})


@pytest.fixture
def make_run(toy: type[Toy], tmp_path: Path):
    """make_run(folder name, **config fields) -> a Run that no step was trained of."""

    def make(name: str = "one", seed: int = 0, **fields: object) -> Run:
        config = Toy.make_config("paper", None, fields).resolved(10, 10)
        record = DatasetRecord(name="d", root=str(tmp_path), fingerprint="f", images={"trainA": 10, "trainB": 10})
        return open_run(
            tmp_path / name,
            RunConfig(
                method="toy",
                variant=None,
                preset="paper",
                config=config.model_dump(),
                dataset=record,
                direction=None,
                seed=seed,
                precision="fp32",
            ),
        )

    return make
