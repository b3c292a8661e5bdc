"""MUNIT (Huang et al. 2018): a translation keeps the content of an image and gets a style of the other domain.

Networks, loss weights and the order of updates are those of the authors' code (NVlabs/MUNIT). An image is split into a
content, which is a map of features, and a style of eight numbers. It is translated by the decoder of the other domain,
with a style that is drawn at random, or that of an example. The domains share no layer. The discriminators are updated
first, then all other networks against the updated discriminators. Each of the two updates has fakes of its own, made
with other styles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationInfo, field_validator
from torch import Tensor, nn

from baselines._munit_checkpoints import convert_checkpoint
from baselines._munit_networks import Decoder, style_encoder
from baselines._munit_perceptual import perceptual_loss
from baselines._vgg import VGG16_RELU5_3, vgg
from ugbench.method import (
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
from ugbench.nn.image_coders import image_encoder
from ugbench.nn.init import initialize_, normal_
from ugbench.nn.losses import l1
from ugbench.nn.multiscale import (
    MultiScaleDiscriminator,
    real_and_fake_logits,
    scales_for,
    summed_least_squares,
)
from ugbench.nn.schedule import halving
from ugbench.nn.state_dicts import check_shapes, refuse_revision


class MUNITConfig(MethodConfig):
    """MUNIT's config. The defaults are those of the authors' configurations for edges2shoes and edges2handbags."""

    size: Annotated[Size, sides(least=16, multiple_of=4)] = Field(256, description="of the images, px")
    channels: PositiveInt = Field(64, description="channels of the encoders' first convolution")
    blocks: PositiveInt = Field(4, description="residual blocks of each content encoder and of each decoder")
    mlp_width: PositiveInt = Field(256, description="hidden units of the MLP that a style goes through")
    discriminator_channels: PositiveInt = Field(64, description="channels of the discriminators' first convolutions")
    scales: PositiveInt | None = Field(
        None,
        validate_default=True,
        description="image sizes that each discriminator sees; null: 3, or fewer if a side is below 61 px",
    )
    reconstruction_weight: NonNegativeFloat = Field(10.0, description="weight of each reconstruction loss of images")
    style_weight: NonNegativeFloat = Field(1.0, description="weight of each reconstruction loss of styles")
    content_weight: NonNegativeFloat = Field(1.0, description="weight of each reconstruction loss of contents")
    cycle_weight: NonNegativeFloat = Field(
        0.0, description="weight of each cycle-consistency loss; 0: not computed; the authors take 10 for hard data"
    )
    vgg_weight: NonNegativeFloat = Field(
        0.0, description="weight of each perceptual loss; 0: no VGG16 is needed; the authors take 1 at 512 px"
    )
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


class MUNIT(Method):
    """Two encoders, a decoder and a multi-scale discriminator per domain; adversarial and reconstruction losses."""

    title: ClassVar[str] = "MUNIT"
    variant_titles: ClassVar = {"cycle": "MUNIT with cycle loss"}
    Config = MUNITConfig
    PRESETS: ClassVar = {
        "paper": {"steps": 1_000_000},
        "smoke": {
            "size": 64,
            "batch_size": 4,
            "steps": 400,
            "channels": 16,
            "discriminator_channels": 16,
            "blocks": 2,
            "mlp_width": 64,
            "lr": 1e-3,
        },
    }
    VARIANTS: ClassVar = {"cycle": {"cycle_weight": 10.0}}
    style_dim = 8
    frozen: ClassVar = {"vgg": "vgg"}
    optional_weights: ClassVar = ("vgg",)
    config: MUNITConfig

    def __init__(self, config: MUNITConfig) -> None:
        super().__init__(config)
        assert config.scales is not None  # its validator sets it
        self.content_encoder_a = image_encoder(config.channels, config.blocks)
        self.style_encoder_a = style_encoder(config.channels, self.style_dim)
        self.decoder_a = Decoder(config.channels, config.blocks, config.mlp_width, self.style_dim)
        self.content_encoder_b = image_encoder(config.channels, config.blocks)
        self.style_encoder_b = style_encoder(config.channels, self.style_dim)
        self.decoder_b = Decoder(config.channels, config.blocks, config.mlp_width, self.style_dim)
        self.discriminator_a = MultiScaleDiscriminator(config.discriminator_channels, config.scales)
        self.discriminator_b = MultiScaleDiscriminator(config.discriminator_channels, config.scales)
        for network in self.inference().values():
            initialize_(network, nn.init.kaiming_normal_)  # N(0, variance 2 / fan_in), He et al. 2015
        normal_(self.discriminator_a)
        normal_(self.discriminator_b)
        if config.vgg_weight:
            self.vgg = vgg(VGG16_RELU5_3, last_relu=True)

    def groups(self) -> dict[str, Group]:
        """One Adam for both discriminators, one for all other networks; both rates are halved at fixed steps."""
        config, betas, schedule = self.config, (self.config.beta1, self.config.beta2), halving(self.config.halve_every)
        discriminators = parameters_of(self.discriminator_a, self.discriminator_b)
        generators = parameters_of(*self.inference().values())
        return {
            name: Group(parameters, config.lr, betas, weight_decay=config.weight_decay, schedule=schedule)
            for name, parameters in (("discriminators", discriminators), ("generators", generators))
        }

    def draws(self) -> dict[str, Draw]:
        """Styles of four fakes: those of A and B that the discriminators learn from, and those of the generators."""
        names = ("style_discriminators_a", "style_discriminators_b", "style_a", "style_b")
        return {name: Draw("normal", (self.style_dim,)) for name in names}

    def step(self, batch: Batch, phase: Phase) -> None:
        """Update the discriminators, then all other networks on fakes with new styles (section 3.2 of the paper)."""
        a, b, styles, config = batch.a, batch.b, batch.draws, self.config
        # The first phase does not change the encoders, so both phases use the same contents with different styles.
        content_a, content_b = self.content_encoder_a(a), self.content_encoder_b(b)
        with torch.no_grad():
            other_fake_a = self.decoder_a(content_b, styles["style_discriminators_a"])
            other_fake_b = self.decoder_b(content_a, styles["style_discriminators_b"])
        with phase("discriminators") as loss:
            real_a_logits, fake_a_logits = real_and_fake_logits(self.discriminator_a, a, other_fake_a)
            real_b_logits, fake_b_logits = real_and_fake_logits(self.discriminator_b, b, other_fake_b)
            loss["real_a"] = summed_least_squares(real_a_logits, 1.0)
            loss["fake_a"] = summed_least_squares(fake_a_logits, 0.0)
            loss["real_b"] = summed_least_squares(real_b_logits, 1.0)
            loss["fake_b"] = summed_least_squares(fake_b_logits, 0.0)

        with phase("generators") as loss:
            drawn_a, drawn_b = styles["style_a"], styles["style_b"]
            style_a, style_b = self.style_encoder_a(a), self.style_encoder_b(b)
            # All layers treat each sample alone, so one forward pass decodes the contents of both domains.
            both_for_a = torch.cat((content_a, content_b)), torch.cat((style_a, drawn_a))
            both_for_b = torch.cat((content_b, content_a)), torch.cat((style_b, drawn_b))
            reconstruction_a, fake_a = self.decoder_a(*both_for_a).chunk(2)
            reconstruction_b, fake_b = self.decoder_b(*both_for_b).chunk(2)
            content_fake_a, content_fake_b = self.content_encoder_a(fake_a), self.content_encoder_b(fake_b)
            loss["reconstruction_a"] = config.reconstruction_weight * l1(reconstruction_a, a)
            loss["reconstruction_b"] = config.reconstruction_weight * l1(reconstruction_b, b)
            loss["style_a"] = config.style_weight * l1(self.style_encoder_a(fake_a), drawn_a)
            loss["style_b"] = config.style_weight * l1(self.style_encoder_b(fake_b), drawn_b)
            # The target is not detached: this loss also trains the encoder that computed it.
            loss["content_a"] = config.content_weight * l1(content_fake_b, content_a)
            loss["content_b"] = config.content_weight * l1(content_fake_a, content_b)
            if config.cycle_weight:
                loss["cycle_a"] = config.cycle_weight * l1(self.decoder_a(content_fake_b, style_a), a)
                loss["cycle_b"] = config.cycle_weight * l1(self.decoder_b(content_fake_a, style_b), b)
            if config.vgg_weight:
                loss["perceptual_a"] = config.vgg_weight * perceptual_loss(self.vgg, fake_a, b)
                loss["perceptual_b"] = config.vgg_weight * perceptual_loss(self.vgg, fake_b, a)
            loss["adversarial_a"] = summed_least_squares(self.discriminator_a(fake_a), 1.0)
            loss["adversarial_b"] = summed_least_squares(self.discriminator_b(fake_b), 1.0)

    def inference(self) -> dict[str, nn.Module]:
        """All encoders and both decoders."""
        return {
            "content_encoder_a": self.content_encoder_a,
            "style_encoder_a": self.style_encoder_a,
            "decoder_a": self.decoder_a,
            "content_encoder_b": self.content_encoder_b,
            "style_encoder_b": self.style_encoder_b,
            "decoder_b": self.decoder_b,
        }

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        """Translate images (n, 3, h, w) in [-1, 1] with styles (n, 8); h and w are multiples of 4."""
        assert style is not None
        y: Tensor
        if direction == "A2B":
            y = self.decoder_b(self.content_encoder_a(x), style)
        else:
            y = self.decoder_a(self.content_encoder_b(x), style)
        return y

    def encode_style(self, x: Tensor, direction: Direction) -> Tensor:
        """The styles (n, 8) of images of the target domain, (n, 3, h, w) in [-1, 1]."""
        style: Tensor = (self.style_encoder_b if direction == "A2B" else self.style_encoder_a)(x)
        return style

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
        refuse_revision(revision, "MUNIT checkpoint")
        fields, state = convert_checkpoint(tensors)
        config = MUNITConfig(**fields)
        parts = ("content_encoder", "style_encoder", "decoder")  # both domains must be complete
        networks = tuple(f"{part}_{domain}" for domain in "ab" for part in parts)
        message = (
            "MUNIT checkpoint: {key} is {given}, expected {expected}; only networks with two stride-2 convolutions, "
            "styles of 8 numbers, and the same channels and residual blocks in both domains are read."
        )
        check_shapes(state, lambda: cls(config), message, networks)
        return config, state
