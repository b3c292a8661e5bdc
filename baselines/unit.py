"""UNIT (Liu et al. 2017): two domains' VAEs whose codes share one space, held together by GANs and cycles.

Networks, weights of the losses and the order of updates are those of the authors' re-release of 2018-05
(mingyuliutw/UNIT): an image is encoded by its own domain's encoder and decoded by the other's decoder, and no
layer is shared. The discriminators step first, on fakes with noise of their own; then the generators, against
the updated discriminators. Its VGG loss, of weight 0 by default, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)
from torch import Tensor, nn

from baselines._unit_checkpoints import read_public
from ugbench.method import (
    Batch,
    Direction,
    Draw,
    Group,
    Method,
    MethodConfig,
    Phase,
    UsageError,
    parameters_of,
)
from ugbench.nn.init import normal_
from ugbench.nn.layer_norm import ImageLayerNorm
from ugbench.nn.losses import l1
from ugbench.nn.moments import widen
from ugbench.nn.multiscale import MultiScaleDiscriminator, scales_within, summed_least_squares
from ugbench.nn.padding import ReflectionPad
from ugbench.nn.residual import ResidualBlock
from ugbench.nn.schedule import halving


class UNITConfig(MethodConfig):
    """The defaults are those of the authors' configurations."""

    size: int = Field(256, ge=16, multiple_of=4, description="height and width of the images, px")
    channels: PositiveInt = Field(64, description="of the encoders' first convolution")
    blocks: PositiveInt = Field(4, description="residual blocks of an encoder, and of a decoder")
    discriminator_channels: PositiveInt = Field(64, description="of the discriminators' first convolutions")
    scales: PositiveInt | None = Field(
        None, validate_default=True, description="sizes that a discriminator judges; null: 3, or fewer below 61 px"
    )
    reconstruction_weight: NonNegativeFloat = Field(10.0, description="weight of each autoencoder's L1")
    kl_weight: NonNegativeFloat = Field(0.01, description="weight of each code's KL")
    cycle_weight: NonNegativeFloat = Field(10.0, description="weight of each cycle's L1")
    cycle_kl_weight: NonNegativeFloat = Field(0.01, description="weight of the KL of each translation's code")
    lr: PositiveFloat = Field(1e-4, description="Adam's rate before it is first halved")
    halve_every: PositiveInt = Field(100_000, description="steps after which the rate is halved, again and again")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")
    weight_decay: NonNegativeFloat = Field(1e-4, description="Adam's, of every parameter")

    @field_validator("scales")
    @classmethod
    def _scales_of_the_size(cls, scales: int | None, info: ValidationInfo) -> int | None:
        if "size" not in info.data:  # refused by its own field
            return scales
        size = info.data["size"]
        fitting = scales_within(size, scales or 3)
        if scales is not None and scales > fitting:
            raise ValueError(f"at size={size} it is at most {fitting}")
        return fitting


def encoder(channels: int, blocks: int) -> nn.Sequential:
    """Images (n, 3, h, w) in [-1, 1] to codes (n, 4 channels, h / 4, w / 4), the means of unit Gaussians."""
    half, quarter = 2 * channels, 4 * channels
    return nn.Sequential(
        *(ReflectionPad(3), nn.Conv2d(3, channels, 7), nn.InstanceNorm2d(channels), nn.ReLU(True)),
        *(ReflectionPad(1), nn.Conv2d(channels, half, 4, stride=2), nn.InstanceNorm2d(half), nn.ReLU(True)),
        *(ReflectionPad(1), nn.Conv2d(half, quarter, 4, stride=2), nn.InstanceNorm2d(quarter), nn.ReLU(True)),
        *(ResidualBlock(quarter) for _ in range(blocks)),
    )


def decoder(channels: int, blocks: int) -> nn.Sequential:
    """Codes (n, 4 channels, h, w) to images (n, 3, 4 h, 4 w) in [-1, 1]."""
    half, quarter = 2 * channels, 4 * channels
    return nn.Sequential(
        *(ResidualBlock(quarter) for _ in range(blocks)),
        *(*_doubling(quarter, half), ImageLayerNorm(half), nn.ReLU(True)),
        *(*_doubling(half, channels), ImageLayerNorm(channels), nn.ReLU(True)),
        *(ReflectionPad(3), nn.Conv2d(channels, 3, 7), nn.Tanh()),
    )


def _doubling(channels: int, out: int) -> tuple[nn.Module, ...]:
    return nn.Upsample(scale_factor=2, mode="nearest"), ReflectionPad(2), nn.Conv2d(channels, out, 5)


def kl(code: Tensor) -> Tensor:
    """KL of N(code, 1) from N(0, 1), up to a factor: the mean of squares over everything, as the authors have it."""
    return widen(code).square().mean()


class UNIT(Method):
    """An encoder, a decoder and a three-scale discriminator a domain; GAN, autoencoder, cycle and KL losses."""

    Config = UNITConfig
    PRESETS: ClassVar = {
        "paper": {"steps": 1_000_000},
        "smoke": {
            "size": 64,
            "batch_size": 4,
            "steps": 400,
            "channels": 16,
            "discriminator_channels": 16,
            "blocks": 2,
            "lr": 1e-3,
        },
    }
    config: UNITConfig

    def __init__(self, config: UNITConfig) -> None:
        super().__init__(config)
        assert config.scales is not None  # its validator fills it
        self.encoder_a = encoder(config.channels, config.blocks)
        self.decoder_a = decoder(config.channels, config.blocks)
        self.encoder_b = encoder(config.channels, config.blocks)
        self.decoder_b = decoder(config.channels, config.blocks)
        self.discriminator_a = MultiScaleDiscriminator(config.discriminator_channels, config.scales)
        self.discriminator_b = MultiScaleDiscriminator(config.discriminator_channels, config.scales)
        for network in self.inference().values():
            _kaiming_normal_(network)
        normal_(self.discriminator_a)
        normal_(self.discriminator_b)

    def groups(self) -> dict[str, Group]:
        """One Adam for both discriminators, one for all encoders and decoders; halved at fixed steps."""
        config = self.config
        networks = {
            "discriminators": (self.discriminator_a, self.discriminator_b),
            "generators": tuple(self.inference().values()),
        }
        return {
            name: Group(
                parameters_of(*modules),
                config.lr,
                (config.beta1, config.beta2),
                weight_decay=config.weight_decay,
                schedule=halving(config.halve_every),
            )
            for name, modules in networks.items()
        }

    def draws(self) -> dict[str, Draw]:
        """Noise on six codes: of a and b for the discriminators' fakes, of a and b again, and of both fakes."""
        side = self.config.size // 4
        code = Draw("normal", (4 * self.config.channels, side, side))
        names = ("discriminators_a", "discriminators_b", "a", "b", "fake_a", "fake_b")
        return {f"noise_{name}": code for name in names}

    def step(self, batch: Batch, phase: Phase) -> None:
        """Discriminators on fakes of their own, then generators against the updated discriminators."""
        a, b, noise, config = batch.a, batch.b, batch.draws, self.config
        # The generators stand still in the first phase, so one encoding serves both; only the noise is drawn anew.
        code_a, code_b = self.encoder_a(a), self.encoder_b(b)
        with torch.no_grad():
            shown_a = self.decoder_a(code_b + noise["noise_discriminators_b"])
            shown_b = self.decoder_b(code_a + noise["noise_discriminators_a"])
        with phase("discriminators") as loss:
            real_a, score_a = _apart(self.discriminator_a(torch.cat((a, shown_a))))
            real_b, score_b = _apart(self.discriminator_b(torch.cat((b, shown_b))))
            loss["real_a"] = summed_least_squares(real_a, 1.0)
            loss["fake_a"] = summed_least_squares(score_a, 0.0)
            loss["real_b"] = summed_least_squares(real_b, 1.0)
            loss["fake_b"] = summed_least_squares(score_b, 0.0)

        with phase("generators") as loss:
            noisy_a, noisy_b = code_a + noise["noise_a"], code_b + noise["noise_b"]
            # Every layer treats the samples of a batch apart, so one pass decodes both domains' codes.
            same_a, fake_a = self.decoder_a(torch.cat((noisy_a, noisy_b))).chunk(2)
            same_b, fake_b = self.decoder_b(torch.cat((noisy_b, noisy_a))).chunk(2)
            code_fake_a, code_fake_b = self.encoder_a(fake_a), self.encoder_b(fake_b)
            back_a = self.decoder_a(code_fake_b + noise["noise_fake_b"])
            back_b = self.decoder_b(code_fake_a + noise["noise_fake_a"])
            loss["reconstruction_a"] = config.reconstruction_weight * l1(same_a, a)
            loss["reconstruction_b"] = config.reconstruction_weight * l1(same_b, b)
            loss["kl_a"] = config.kl_weight * kl(code_a)
            loss["kl_b"] = config.kl_weight * kl(code_b)
            loss["cycle_a"] = config.cycle_weight * l1(back_a, a)
            loss["cycle_b"] = config.cycle_weight * l1(back_b, b)
            loss["cycle_kl_a"] = config.cycle_kl_weight * kl(code_fake_b)
            loss["cycle_kl_b"] = config.cycle_kl_weight * kl(code_fake_a)
            loss["adversarial_a"] = summed_least_squares(self.discriminator_a(fake_a), 1.0)
            loss["adversarial_b"] = summed_least_squares(self.discriminator_b(fake_b), 1.0)

    def inference(self) -> dict[str, nn.Module]:
        """Encoders and decoders."""
        return {
            "encoder_a": self.encoder_a,
            "decoder_a": self.decoder_a,
            "encoder_b": self.encoder_b,
            "decoder_b": self.decoder_b,
        }

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Images (n, 3, h, w) in [-1, 1] to the other domain, without noise; h and w multiples of 4."""
        y: Tensor
        y = self.decoder_b(self.encoder_a(x)) if direction == "A2B" else self.decoder_a(self.encoder_b(x))
        return y

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],
        revision: str | None = None,
        direction: Direction | None = None,  # noqa: ARG003
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Config and state of the encoders and decoders of `gen_########.pt`; 256 px is assumed.

        Args:
            tensors: the file's two state dicts, `a` and `b`.
            revision: without meaning here; None.
            direction: without meaning here.
        Raises:
            UsageError: a revision is given, a domain is missing, or a key or shape is not of these networks.
        """
        if revision is not None:
            raise UsageError(f"UNIT checkpoint: --revision {revision} was given; there is one, leave it out.")
        fields, state = read_public(tensors)
        config = UNITConfig(**fields)
        with torch.device("meta"):
            _refuse_other_shapes(state, cls(config))
        return config, state


def _apart(scores: list[Tensor]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The scores of the first and of the second half of a batch, each by scale."""
    first, second = zip(*(score.chunk(2) for score in scores), strict=True)
    return first, second


def _kaiming_normal_(module: nn.Module) -> None:
    """Weights of every convolution from N(0, 2 / fan_in), their biases 0 (He et al. 2015)."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


def _refuse_other_shapes(state: Mapping[str, Tensor], method: UNIT) -> None:
    """Raises UsageError at the first tensor that is missing, unknown or misshapen."""
    networks = method.inference()
    wanted = {key: tensor for key, tensor in method.state_dict().items() if key.split(".")[0] in networks}
    for key in sorted(state.keys() | wanted.keys()):
        found, expected = (tuple(of[key].shape) if key in of else "nothing" for of in (state, wanted))
        if found != expected:
            raise UsageError(
                f"UNIT checkpoint: {key} is {found}, expected {expected}; only networks with two halvings and the "
                "same channels and residual blocks in both domains are read."
            )
