"""The method `styled`, as the package of somebody else brings it: small, and with many outputs for one image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from ugbench import registry
from ugbench.method import Batch, Direction, Draw, Group, Method, MethodConfig, Phase, parameters_of


class Styled(Method):
    """One map of colours, and a tint that the style decides. The style of an example is that of its mean colour."""

    Config = MethodConfig
    PRESETS: ClassVar = {"paper": {"steps": 8, "size": 8}, "smoke": {"steps": 2, "size": 32, "batch_size": 1}}
    style_dim = 3

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.mix = nn.Conv2d(3, 3, 1)
        self.tint = nn.Linear(3, 3)
        self.encoder = nn.Linear(3, 3)

    def groups(self) -> dict[str, Group]:
        return {"networks": Group(parameters_of(self.mix, self.tint, self.encoder), 1e-3)}

    def draws(self) -> dict[str, Draw]:
        return {"style": Draw("normal", (3,))}

    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("networks") as loss:
            fake = self.translate(batch.a, "A2B", batch.draws["style"])
            loss["mean"] = (fake.mean((0, 2, 3)) - batch.b.mean((0, 2, 3))).square().mean()
            loss["style"] = (self.encode_style(fake, "A2B") - batch.draws["style"]).abs().mean()

    def inference(self) -> dict[str, nn.Module]:
        return {"mix": self.mix, "tint": self.tint, "encoder": self.encoder}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        assert style is not None and style.shape == (len(x), self.style_dim) and style.device == x.device
        sign = 1 if direction == "A2B" else -1
        return torch.tanh(self.mix(x) + sign * self.tint(style)[:, :, None, None])

    def encode_style(self, x: Tensor, direction: Direction) -> Tensor:
        return self.encoder(x.mean((2, 3))) * (1 if direction == "A2B" else -1)


@contextmanager
def styled_is_installed() -> Iterator[None]:
    """In the block the registry has the method `styled` beside the others."""
    modules = registry.modules

    def with_styled(group: str) -> dict[str, str]:
        return {**modules(group), "styled": __name__} if group == "methods" else modules(group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "modules", with_styled)
        yield


def built(seed: int = 0, size: int = 8) -> Styled:
    """The method with random weights, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        method = Styled(Styled.make_config("smoke", None, {"size": size}))
    return method.eval().requires_grad_(False)
