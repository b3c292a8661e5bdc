"""UNIT (Liu et al. 2017): one variational autoencoder per domain, with a latent space that both share.

Networks, loss weights and the order of updates are those of the authors' re-release of 2018-05 (mingyuliutw/UNIT).
An image is translated by the encoder of its domain and the decoder of the other domain; the domains share no layer.
The discriminators are updated first, then the encoders and decoders against the updated discriminators. Each of the
two updates has fakes of its own, made with different noise. The VGG loss of that code is left out, because its weight
is 0 by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationInfo, field_validator
from torch import Tensor, nn

from baselines._unit_checkpoints import convert_checkpoint
from ugbench.method import (
    SMALL,
    Batch,
    Direction,
    Draw,
    Group,
    Method,
    MethodConfig,
    Phase,
    Size,
    parameters_of,
    sides,
)
from ugbench.nn.augmentation import augmentation_shapes, augmented
from ugbench.nn.image_coders import image_encoder, image_layers
from ugbench.nn.init import initialize_, normal_
from ugbench.nn.losses import l1
from ugbench.nn.multiscale import (
    MultiScaleDiscriminator,
    real_and_fake_logits,
    scales_for,
    summed_least_squares,
)
from ugbench.nn.residual import ResidualBlock
from ugbench.nn.schedule import halving
from ugbench.nn.state_dicts import check_shapes, refuse_revision


class UNITConfig(MethodConfig):
    """UNIT's config. The defaults are those of the authors' configuration files."""

    augments: ClassVar[bool] = True

    size: Annotated[Size, sides(least=16, multiple_of=4)] = Field(256, description="of the images, px")
    channels: PositiveInt = Field(64, description="channels of the encoders' first convolution")
    blocks: PositiveInt = Field(4, description="residual blocks of each encoder and of each decoder")
    halvings: int = Field(2, ge=1, le=2, description="how often the encoders halve the size before their blocks")
    discriminator_channels: PositiveInt = Field(64, description="channels of the discriminators' first convolutions")
    scales: PositiveInt | None = Field(
        None,
        validate_default=True,
        description="image sizes that each discriminator sees; null: 3, or fewer if a side is below 61 px",
    )
    reconstruction_weight: NonNegativeFloat = Field(10.0, description="weight of each reconstruction loss")
    kl_weight: NonNegativeFloat = Field(0.01, description="weight of each KL loss")
    cycle_weight: NonNegativeFloat = Field(10.0, description="weight of each cycle-consistency loss")
    cycle_kl_weight: NonNegativeFloat = Field(0.01, description="weight of each KL loss of a translation's code")
    lr: PositiveFloat = Field(1e-4, description="Adam's learning rate at the start")
    halve_every: PositiveInt = Field(100_000, description="steps after which the learning rate is halved, each time")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")
    weight_decay: NonNegativeFloat = Field(1e-4, description="Adam's weight decay, for all parameters")

    @field_validator("scales")
    @classmethod
    def _scales_fit_the_size(cls, scales: int | None, info: ValidationInfo) -> int | None:
        if "size" not in info.data:  # the field `size` reports the error
            return scales
        return scales_for(info.data["size"], scales)


def decoder(channels: int, blocks: int, halvings: int) -> nn.Sequential:
    """Decoder: codes (n, f * channels, h, w) to images (n, 3, f * h, f * w) in [-1, 1]; f is 2^halvings."""
    wide = 2**halvings * channels
    return nn.Sequential(*(ResidualBlock(wide) for _ in range(blocks)), *image_layers(channels, halvings))


def kl_loss(code: Tensor) -> Tensor:
    """KL divergence of N(code, 1) from N(0, 1) up to a factor: the mean of code^2, as in the authors' code."""
    return code.square().mean()


class UNIT(Method):
    """One encoder, decoder and multi-scale discriminator per domain; adversarial, autoencoder, cycle and KL losses."""

    title: ClassVar[str] = "UNIT"
    Config = UNITConfig
    PRESETS: ClassVar = {
        "paper": {"steps": 1_000_000},
        "small": {
            **SMALL,
            "channels": 16,
            "discriminator_channels": 16,
            "blocks": 3,
            "halvings": 1,
            "lr": 1e-3,
        },
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
        assert config.scales is not None  # its validator sets it
        self.encoder_a = image_encoder(config.channels, config.blocks, config.halvings)
        self.decoder_a = decoder(config.channels, config.blocks, config.halvings)
        self.encoder_b = image_encoder(config.channels, config.blocks, config.halvings)
        self.decoder_b = decoder(config.channels, config.blocks, config.halvings)
        self.discriminator_a = MultiScaleDiscriminator(config.discriminator_channels, config.scales)
        self.discriminator_b = MultiScaleDiscriminator(config.discriminator_channels, config.scales)
        for network in self.inference().values():
            initialize_(network, nn.init.kaiming_normal_)  # N(0, variance 2 / fan_in), He et al. 2015
        normal_(self.discriminator_a)
        normal_(self.discriminator_b)

    def groups(self) -> dict[str, Group]:
        """One Adam for both discriminators, one for all encoders and decoders; both rates are halved at fixed steps."""
        config, betas, schedule = self.config, (self.config.beta1, self.config.beta2), halving(self.config.halve_every)
        discriminators = parameters_of(self.discriminator_a, self.discriminator_b)
        generators = parameters_of(*self.inference().values())
        return {
            name: Group(parameters, config.lr, betas, weight_decay=config.weight_decay, schedule=schedule)
            for name, parameters in (("discriminators", discriminators), ("generators", generators))
        }

    def draws(self) -> dict[str, Draw]:
        """Noise for six codes: of a and b for the discriminators' fakes, of a and b again, and of the two fakes.

        There are also the numbers of the augmentation: for the real images, and for the fakes of each phase.
        """
        height, width = self.config.image_shape
        factor = 2**self.config.halvings
        code = Draw("normal", (factor * self.config.channels, height // factor, width // factor))
        names = ("discriminators_a", "discriminators_b", "a", "b", "fake_a", "fake_b")
        seen = [f"{kind}_{domain}" for kind in ("real", "noisy_fake", "fake") for domain in "ab"]
        shapes = augmentation_shapes(self.config.augmentation, *seen)
        return {f"noise_{name}": code for name in names} | {
            name: Draw("uniform", shape) for name, shape in shapes.items()
        }

    def step(self, batch: Batch, phase: Phase) -> None:
        """Update the discriminators, then the encoders and decoders on fakes with new noise."""
        a, b, noise, config = batch.a, batch.b, batch.draws, self.config
        # The first phase does not change the encoders, so both phases use the same codes with different noise.
        code_a, code_b = self.encoder_a(a), self.encoder_b(b)
        with torch.no_grad():
            noisy_fake_a = self.decoder_a(code_b + noise["noise_discriminators_b"])
            noisy_fake_b = self.decoder_b(code_a + noise["noise_discriminators_a"])
        seen = partial(augmented, draws=batch.draws)
        with phase("discriminators") as loss:
            real_a_logits, fake_a_logits = real_and_fake_logits(
                self.discriminator_a, seen(a, name="real_a"), seen(noisy_fake_a, name="noisy_fake_a")
            )
            real_b_logits, fake_b_logits = real_and_fake_logits(
                self.discriminator_b, seen(b, name="real_b"), seen(noisy_fake_b, name="noisy_fake_b")
            )
            loss["real_a"] = summed_least_squares(real_a_logits, 1.0)
            loss["fake_a"] = summed_least_squares(fake_a_logits, 0.0)
            loss["real_b"] = summed_least_squares(real_b_logits, 1.0)
            loss["fake_b"] = summed_least_squares(fake_b_logits, 0.0)

        with phase("generators") as loss:
            noisy_a, noisy_b = code_a + noise["noise_a"], code_b + noise["noise_b"]
            # All layers treat each sample alone, so one forward pass decodes the codes of both domains.
            reconstruction_a, fake_a = self.decoder_a(torch.cat((noisy_a, noisy_b))).chunk(2)
            reconstruction_b, fake_b = self.decoder_b(torch.cat((noisy_b, noisy_a))).chunk(2)
            code_fake_a, code_fake_b = self.encoder_a(fake_a), self.encoder_b(fake_b)
            cycle_a = self.decoder_a(code_fake_b + noise["noise_fake_b"])
            cycle_b = self.decoder_b(code_fake_a + noise["noise_fake_a"])
            loss["reconstruction_a"] = config.reconstruction_weight * l1(reconstruction_a, a)
            loss["reconstruction_b"] = config.reconstruction_weight * l1(reconstruction_b, b)
            loss["kl_a"] = config.kl_weight * kl_loss(code_a)
            loss["kl_b"] = config.kl_weight * kl_loss(code_b)
            loss["cycle_a"] = config.cycle_weight * l1(cycle_a, a)
            loss["cycle_b"] = config.cycle_weight * l1(cycle_b, b)
            loss["cycle_kl_a"] = config.cycle_kl_weight * kl_loss(code_fake_b)
            loss["cycle_kl_b"] = config.cycle_kl_weight * kl_loss(code_fake_a)
            loss["adversarial_a"] = summed_least_squares(self.discriminator_a(seen(fake_a, name="fake_a")), 1.0)
            loss["adversarial_b"] = summed_least_squares(self.discriminator_b(seen(fake_b, name="fake_b")), 1.0)

    def inference(self) -> dict[str, nn.Module]:
        """Both encoders and both decoders."""
        return {
            "encoder_a": self.encoder_a,
            "decoder_a": self.decoder_a,
            "encoder_b": self.encoder_b,
            "decoder_b": self.decoder_b,
        }

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Translate images (n, 3, h, w) in [-1, 1] without noise; h and w are multiples of 4."""
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
        """Config and state dict of the encoders and decoders of `gen_########.pt`.

        The tensors do not say the size of the images: 256 px is assumed.

        Args:
            tensors: the two state dicts of the file, `a` and `b`.
            revision: must be None, because that code has one forward pass and the file name gives the step.
            direction: ignored, because the file holds both directions.
        Raises:
            UsageError: a revision is given, a domain is missing, or a key or shape is not of these networks.
        """
        refuse_revision(revision, "UNIT checkpoint")
        fields, state = convert_checkpoint(tensors)
        config = UNITConfig(**fields)
        networks = ("encoder_a", "decoder_a", "encoder_b", "decoder_b")  # both domains must be complete
        message = (
            "UNIT checkpoint: {key} is {given}, expected {expected}; only networks with two stride-2 convolutions "
            "and the same channels and residual blocks in both domains are read."
        )
        check_shapes(state, lambda: cls(config), message, networks)
        return config, state
