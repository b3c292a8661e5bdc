"""CycleGAN (Zhu et al. 2017): two generators that are trained together with a cycle-consistency loss.

Networks, loss weights and the order of updates are those of the authors' PyTorch code (pytorch-CycleGAN-and-pix2pix):
the generators are updated first, against the discriminators of the previous step. Then the discriminators are
updated on the same fakes, which pass through image pools.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)
from torch import Tensor, nn

from baselines._cyclegan_checkpoints import convert_checkpoint
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
    width_and_height,
)
from ugbench.nn.augmentation import augmentation_shapes, augmented
from ugbench.nn.image_pool import ImagePool
from ugbench.nn.init import normal_
from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.losses import l1, least_squares
from ugbench.nn.padding import ReflectionPad
from ugbench.nn.residual import ResidualBlock
from ugbench.nn.schedule import constant_then_linear
from ugbench.nn.state_dicts import check_shapes
from ugbench.nn.upsampling import UpsampleConv2d

Upsampling = Literal["transposed", "resize"]


class CycleGANConfig(MethodConfig):
    """CycleGAN's config. The defaults are those of the paper."""

    augments: ClassVar[bool] = True

    # The generator halves the size twice and doubles it again, so each side must be a multiple of 4. From 24 px on the
    # discriminator's last instance norm has more than one pixel.
    size: Annotated[Size, sides(least=24, multiple_of=4)] = Field(256, description="of the images, px")
    channels: PositiveInt = Field(64, description="channels of the generators' first convolution")
    blocks: PositiveInt | None = Field(
        None, validate_default=True, description="residual blocks; null: 9, or 6 if a side is below 256 px"
    )
    halvings: int = Field(
        2, ge=1, le=2, description="how often the generators halve the size before their residual blocks"
    )
    upsampling: Upsampling = Field(
        "transposed",
        description="in the generators: transposed convolutions, or nearest-neighbour resizing and a convolution",
    )
    discriminator_channels: PositiveInt = Field(64, description="channels of the discriminators' first convolution")
    pool_size: NonNegativeInt = Field(50, description="number of earlier fakes that each image pool keeps")
    cycle_weight: NonNegativeFloat = Field(10.0, description="weight of each cycle-consistency loss")
    identity_weight: NonNegativeFloat = Field(5.0, description="weight of each identity loss; 0 skips it")
    init: Literal["normal", "default"] = Field(
        "normal", description="initial weights: N(0, 0.02) with biases 0, or PyTorch's own"
    )
    lr: PositiveFloat = Field(2e-4, description="Adam's learning rate in the first half of the steps")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")

    @field_validator("blocks")
    @classmethod
    def _default_blocks(cls, blocks: int | None, info: ValidationInfo) -> int:
        if blocks is not None or "size" not in info.data:  # the field `size` reports its error
            return blocks or 6
        return 9 if min(width_and_height(info.data["size"])) >= 256 else 6


def generator(channels: int, blocks: int, upsampling: Upsampling, halvings: int) -> nn.Sequential:
    """ResNet generator: translates images (n, 3, h, w) in [-1, 1]; h and w are multiples of 2^halvings."""
    widths = [channels * 2**level for level in range(halvings + 1)]
    steps = tuple(pairwise(widths))
    return nn.Sequential(
        *(ReflectionPad(3), nn.Conv2d(3, channels, 7), InstanceNorm2d(channels), nn.ReLU(True)),
        *(layer for narrow, wide in steps for layer in _downsample(narrow, wide)),
        *(ResidualBlock(widths[-1]) for _ in range(blocks)),
        *(layer for narrow, wide in reversed(steps) for layer in _upsample(wide, narrow, upsampling)),
        *(ReflectionPad(3), nn.Conv2d(channels, 3, 7), nn.Tanh()),
    )


def _downsample(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    """Layers that halve height and width."""
    halving = nn.Conv2d(channels, out_channels, 3, stride=2, padding=1)
    return halving, InstanceNorm2d(out_channels), nn.ReLU(True)


def _upsample(channels: int, out_channels: int, upsampling: Upsampling) -> tuple[nn.Module, ...]:
    """Layers that double height and width. Each is a layer of the generator, as public checkpoints number them."""
    doubling: tuple[nn.Module, ...]
    if upsampling == "resize":
        # The first two stand for the upsampling and the padding, which UpsampleConv2d does too.
        doubling = (nn.Identity(), nn.Identity(), UpsampleConv2d(channels, out_channels))
    else:
        doubling = (nn.ConvTranspose2d(channels, out_channels, 3, stride=2, padding=1, output_padding=1),)
    return (*doubling, InstanceNorm2d(out_channels), nn.ReLU(True))


def discriminator(channels: int) -> nn.Sequential:
    """PatchGAN with a receptive field of 70x70 px: images (n, 3, h, w) to logits (n, 1, h / 8 - 2, w / 8 - 2)."""
    c2, c4, c8 = 2 * channels, 4 * channels, 8 * channels
    return nn.Sequential(
        *(nn.Conv2d(3, channels, 4, stride=2, padding=1), nn.LeakyReLU(0.2, True)),
        *(nn.Conv2d(channels, c2, 4, stride=2, padding=1), InstanceNorm2d(c2), nn.LeakyReLU(0.2, True)),
        *(nn.Conv2d(c2, c4, 4, stride=2, padding=1), InstanceNorm2d(c4), nn.LeakyReLU(0.2, True)),
        *(nn.Conv2d(c4, c8, 4, padding=1), InstanceNorm2d(c8), nn.LeakyReLU(0.2, True)),
        nn.Conv2d(c8, 1, 4, padding=1),
    )


class CycleGAN(Method):
    """Two ResNet generators and two PatchGAN discriminators; adversarial (LSGAN), cycle and identity losses."""

    title: ClassVar[str] = "CycleGAN"
    Config = CycleGANConfig
    PRESETS: ClassVar = {
        "paper": {"epochs": 200},
        "small": {
            **SMALL,
            "channels": 16,
            "discriminator_channels": 16,
            "blocks": 3,
            "halvings": 1,
            "upsampling": "resize",
            "init": "default",
            "lr": 1e-3,
        },
        "smoke": {
            "size": 64,
            "batch_size": 4,
            "steps": 400,
            "channels": 16,
            "discriminator_channels": 16,
            "blocks": 2,
            # After 500 steps on a dial with seed=7 the remaining error was 0.78, and with texture=1 0.40. With
            # init=normal they were 0.92 and 0.52.
            "init": "default",
            "lr": 1e-3,
        },
    }
    config: CycleGANConfig

    def __init__(self, config: CycleGANConfig) -> None:
        super().__init__(config)
        assert config.blocks is not None  # its validator sets it
        self.generator_a2b = generator(config.channels, config.blocks, config.upsampling, config.halvings)
        self.generator_b2a = generator(config.channels, config.blocks, config.upsampling, config.halvings)
        self.discriminator_a = discriminator(config.discriminator_channels)
        self.discriminator_b = discriminator(config.discriminator_channels)
        self.pool_a = ImagePool(config.pool_size, config.size)
        self.pool_b = ImagePool(config.pool_size, config.size)
        if config.init == "normal":
            normal_(self)

    def groups(self) -> dict[str, Group]:
        """One Adam for both generators and one for both discriminators; their rates are constant, then linear to 0.

        Raises:
            ConfigError: the config has no number of steps.
        """
        betas = (self.config.beta1, self.config.beta2)
        schedule = constant_then_linear(self.config.known_steps)
        generators = parameters_of(self.generator_a2b, self.generator_b2a)
        discriminators = parameters_of(self.discriminator_a, self.discriminator_b)
        return {
            "generators": Group(generators, self.config.lr, betas, schedule=schedule),
            "discriminators": Group(discriminators, self.config.lr, betas, schedule=schedule),
        }

    def draws(self) -> dict[str, Draw]:
        """The random numbers of the image pools, a coin and a slot for each image, and those of the augmentation."""
        names = [f"{kind}_{domain}" for kind in ("real", "fake", "pooled") for domain in "ab"]
        shapes = {"pool_a": (2,), "pool_b": (2,), **augmentation_shapes(self.config.augmentation, *names)}
        return {name: Draw("uniform", shape) for name, shape in shapes.items()}

    def step(self, batch: Batch, phase: Phase) -> None:
        """Update the generators, then the discriminators on the same fakes."""
        a, b, draws, config = batch.a, batch.b, batch.draws, self.config
        with phase("generators") as loss:
            # All layers treat each sample alone, so one forward pass computes both the fakes and the identities.
            if config.identity_weight:
                fake_b, identity_b = self.generator_a2b(torch.cat((a, b))).chunk(2)
                fake_a, identity_a = self.generator_b2a(torch.cat((b, a))).chunk(2)
                loss["identity_a"] = config.identity_weight * l1(identity_a, a)
                loss["identity_b"] = config.identity_weight * l1(identity_b, b)
            else:
                fake_b, fake_a = self.generator_a2b(a), self.generator_b2a(b)
            loss["cycle_a"] = config.cycle_weight * l1(self.generator_b2a(fake_b), a)
            loss["cycle_b"] = config.cycle_weight * l1(self.generator_a2b(fake_a), b)
            loss["adversarial_a"] = least_squares(self.discriminator_a(augmented(fake_a, draws, "fake_a")), 1.0)
            loss["adversarial_b"] = least_squares(self.discriminator_b(augmented(fake_b, draws, "fake_b")), 1.0)

        pooled_a = self.pool_a(fake_a, draws["pool_a"])
        pooled_b = self.pool_b(fake_b, draws["pool_b"])
        with phase("discriminators") as loss:
            seen_a = torch.cat((augmented(a, draws, "real_a"), augmented(pooled_a, draws, "pooled_a")))
            real_a_logits, fake_a_logits = self.discriminator_a(seen_a).chunk(2)
            seen_b = torch.cat((augmented(b, draws, "real_b"), augmented(pooled_b, draws, "pooled_b")))
            real_b_logits, fake_b_logits = self.discriminator_b(seen_b).chunk(2)
            loss["real_a"] = 0.5 * least_squares(real_a_logits, 1.0)
            loss["fake_a"] = 0.5 * least_squares(fake_a_logits, 0.0)
            loss["real_b"] = 0.5 * least_squares(real_b_logits, 1.0)
            loss["fake_b"] = 0.5 * least_squares(fake_b_logits, 0.0)

    def inference(self) -> dict[str, nn.Module]:
        """Both generators."""
        return {"generator_a2b": self.generator_a2b, "generator_b2a": self.generator_b2a}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Translate images (n, 3, h, w) in [-1, 1]; h and w are multiples of 4."""
        y: Tensor = (self.generator_a2b if direction == "A2B" else self.generator_b2a)(x)
        return y

    @classmethod
    def load_public_checkpoint(
        cls, tensors: Mapping[str, Any], revision: str | None = None, direction: Direction | None = None
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Config and state dict from `<epoch>_net_{G_A,G_B}.pth`, and from D_A and D_B if they are given.

        The tensors do not say the size of the images: 256 px is assumed.

        Args:
            tensors: a state dict for each network, by file name (the epoch and the suffix may be left out), or
                the state dict of one generator.
            revision: the epoch to take ("latest", "200") if there are files of several epochs.
            direction: what a single generator (`latest_net_G.pth`) translates; None is A2B.
        Raises:
            UsageError: a generator is missing, epochs are mixed, or a key or shape is not of these networks.
        """
        fields, state = convert_checkpoint(tensors, revision)
        if direction == "B2A" and not any(key.startswith("generator_b2a.") for key in state):
            state = {key.replace("generator_a2b.", "generator_b2a."): tensor for key, tensor in state.items()}
        config = CycleGANConfig(**fields)
        message = (
            "CycleGAN checkpoint: {key} is {given}, expected {expected}; only ResNet generators and 70x70 PatchGANs "
            "with instance norm are read."
        )
        check_shapes(state, lambda: cls(config), message)
        return config, state
