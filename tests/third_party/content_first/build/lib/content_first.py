"""Content first: content that both domains share and a style; its content critic is trained three times as often."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from ugbench.method import Batch, Direction, Draw, Group, Method, MethodConfig, Phase, parameters_of

STYLE = 4


class ContentFirstConfig(MethodConfig):
    """Options of content first."""

    channels: PositiveInt = Field(16, description="channels of the hidden layers")
    lr: PositiveFloat = Field(2e-3, description="learning rate of Adam; that of the content critic is half of it")


class Decoder(nn.Module):
    """Content (n, c, h, w) and styles (n, 4) to images (n, 3, h, w) in [-1, 1]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift, self.image = nn.Linear(STYLE, channels), nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        y: Tensor = self.image(content + self.shift(style)[:, :, None, None]).tanh()
        return y


class ContentFirst(Method):
    """Encoders of content and style, two decoders, and a critic of contents that is trained in every step."""

    title: ClassVar[str] = "Content first"
    Config = ContentFirstConfig
    PRESETS: ClassVar = {"paper": {"steps": 1000}, "smoke": {"size": 32, "batch_size": 4, "steps": 60, "channels": 8}}
    period = 3
    style_dim = STYLE
    config: ContentFirstConfig

    def __init__(self, config: ContentFirstConfig) -> None:
        super().__init__(config)
        channels = config.channels
        self.content = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.InstanceNorm2d(channels), nn.ReLU())
        self.styles = nn.Sequential(nn.Conv2d(3, channels, 4, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(channels, STYLE)
        self.decoder_a, self.decoder_b = Decoder(channels), Decoder(channels)
        self.critic = nn.Sequential(nn.Conv2d(channels, channels, 4, 2, 1), nn.ReLU(), nn.Conv2d(channels, 1, 3))

    def groups(self) -> dict[str, Group]:
        lr = self.config.lr
        return {
            "critic": Group(parameters_of(self.critic), lr / 2, optimizer="sgd", momentum=0.9, clip_norm=5.0),
            "content": Group(parameters_of(self.content), lr, (0.5, 0.999)),
            "decoders": Group(parameters_of(self.decoder_a, self.decoder_b), lr, (0.5, 0.999)),
            "styles": Group(parameters_of(self.styles, self.head), lr, (0.5, 0.999)),
        }

    def draws(self) -> dict[str, Draw]:
        return {"style": Draw("normal", (STYLE,))}

    def step(self, batch: Batch, phase: Phase) -> None:
        content_a, content_b = self.content(batch.a), self.content(batch.b)
        with phase("critic") as loss:
            logits_a, logits_b = self.critic(content_a.detach()), self.critic(content_b.detach())
            loss["a"] = cross_entropy(logits_a, logits_a.new_zeros(logits_a.shape))
            loss["b"] = cross_entropy(logits_b, logits_b.new_ones(logits_b.shape))
        if batch.step % self.period < self.period - 1:
            return
        with phase("content", "decoders", "styles") as loss:
            undecided = self.critic(content_a)
            loss["content"] = cross_entropy(undecided, undecided.new_full(undecided.shape, 0.5))
            loss["self_a"] = (self.decoder_a(content_a, self._style_of(batch.a)) - batch.a).abs().mean()
            loss["self_b"] = (self.decoder_b(content_b, self._style_of(batch.b)) - batch.b).abs().mean()
        style = batch.draws["style"]
        with phase("content", "decoders") as loss:
            fake = self.decoder_b(self.content(batch.a), style)
            loss["style"] = (self._style_of(fake) - style).abs().mean()

    def _style_of(self, x: Tensor) -> Tensor:
        style: Tensor = self.head(self.styles(x))
        return style

    def inference(self) -> dict[str, nn.Module]:
        names = ("content", "styles", "head", "decoder_a", "decoder_b")
        return {name: self.get_submodule(name) for name in names}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        decoder = self.decoder_b if direction == "A2B" else self.decoder_a
        y: Tensor = decoder(self.content(x), style)
        return y

    def encode_style(self, x: Tensor, direction: Direction) -> Tensor:
        return self._style_of(x)
