"""AGGAN (Mejjati et al. 2018): attention networks learn where an image has to change, and the rest of it is kept.

Networks, losses and the order of updates are those of the authors' TensorFlow code of 2018-11. A translation is
m * G(x) + (1 - m) * x, where m is the attention map of the image x. The two generators, each with the attention network
of its source domain, and the two discriminators are updated in turn. After a share of the steps the method switches:
from then on the attention networks stay as they are, the discriminators see only what the maps select, and they have no
norm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from baselines._aggan_checkpoints import convert_checkpoint
from baselines._aggan_networks import (
    AttentionKernels,
    Discriminator,
    attention_network,
    generator,
    truncated_normal_,
)
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
from ugbench.nn.image_pool import ImagePool
from ugbench.nn.losses import l1, least_squares
from ugbench.nn.schedule import constant_then_linear
from ugbench.nn.state_dicts import check_shapes, refuse_revision


class AGGANConfig(MethodConfig):
    """AGGAN's config. The defaults are those of the authors' configuration for horse2zebra."""

    # The networks halve width and height twice, and reflection padding needs two pixels then.
    size: Annotated[Size, sides(least=8, multiple_of=4)] = Field(256, description="of the images, px")
    channels: PositiveInt = Field(32, description="channels of the generators' first convolution")
    blocks: PositiveInt = Field(9, description="residual blocks of each generator")
    attention_channels: PositiveInt = Field(32, description="channels of the attention networks' first convolution")
    attention_kernels: AttentionKernels = Field(
        "published",
        description="last three convolutions of the attention networks; published: 1x1, intended: 3x3, 3x3 and 7x7",
    )
    discriminator_channels: PositiveInt = Field(64, description="channels of the discriminators' first convolution")
    pool_size: NonNegativeInt = Field(50, description="number of earlier fakes that each image pool keeps")
    cycle_weight: NonNegativeFloat = Field(10.0, description="weight of each cycle-consistency loss")
    switch_share: float = Field(
        0.3,
        gt=0,
        le=1,
        description="share of the steps after which attention is no longer trained, discriminators see the attended "
        "parts alone, and have no norm; 1: never",
    )
    threshold: float = Field(
        0.1, ge=0, lt=1, description="least attention of what discriminators see after the switch; the rest is 0"
    )
    lr: PositiveFloat = Field(1e-4, description="Adam's learning rate in the first half of the steps")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")

    @property
    def switch_step(self) -> int:
        """The number of steps before the switch, at least 1; `steps` where there is none. Raises ConfigError if `steps`
        is null.
        """
        return max(1, round(self.switch_share * self.known_steps))


class Translation(NamedTuple):
    """Translated images (n, 3, h, w), and the attention maps (n, 1, h, w) in [0, 1] of the images that they show."""

    image: Tensor
    attention_map: Tensor


class AGGAN(Method):
    """Two ResNet generators, two attention networks and two PatchGANs; adversarial (LSGAN) and cycle losses.

    Attributes:
        steps_done: the number of steps of the training. It is a tensor, so that a step before the switch and one after
            it are the same sequence of operations.
    """

    title: ClassVar[str] = "AGGAN"
    Config = AGGANConfig
    PRESETS: ClassVar = {
        "paper": {"epochs": 100},
        "smoke": {
            "size": 64,
            "batch_size": 4,
            "steps": 400,
            "channels": 16,
            "attention_channels": 16,
            "discriminator_channels": 16,
            "blocks": 2,
            # So that a run can be continued exactly from half of its steps, as runs of most methods can.
            "switch_share": 0.5,
            "lr": 1e-3,
        },
    }
    config: AGGANConfig
    steps_done: Tensor

    def __init__(self, config: AGGANConfig) -> None:
        super().__init__(config)
        self.generator_a2b = generator(config.channels, config.blocks)
        self.generator_b2a = generator(config.channels, config.blocks)
        self.attention_a = attention_network(config.attention_channels, config.attention_kernels)
        self.attention_b = attention_network(config.attention_channels, config.attention_kernels)
        self.discriminator_a = Discriminator(config.discriminator_channels)
        self.discriminator_b = Discriminator(config.discriminator_channels)
        # An image and its attention map.
        self.pool_a = ImagePool(config.pool_size, config.size, channels=4)
        self.pool_b = ImagePool(config.pool_size, config.size, channels=4)
        self.register_buffer("steps_done", torch.zeros((), dtype=torch.int64))
        truncated_normal_(self)

    def groups(self) -> dict[str, Group]:
        """One Adam for each network; rates are constant, then linear to 0, and those of attention end at the switch.

        Raises:
            ConfigError: the config has no number of steps.
        """
        config, switch = self.config, self.config.switch_step
        whole = constant_then_linear(config.known_steps)

        def until_switch(step: int) -> float:
            return whole(step) if step < switch else 0.0

        return {
            name: Group(
                parameters_of(network),
                config.lr,
                (config.beta1, config.beta2),
                schedule=until_switch if name.startswith("attention") else whole,
            )
            for name, network in self.named_children()
            if not isinstance(network, ImagePool)
        }

    def draws(self) -> dict[str, Draw]:
        """The random numbers of the image pools: a coin and a slot for each image."""
        return {"pool_a": Draw("uniform", (2,)), "pool_b": Draw("uniform", (2,))}

    def step(self, batch: Batch, phase: Phase) -> None:
        """Update a generator with its attention network, then the discriminator of its target; from A to B, then back.

        Each phase sees the networks as the phases before it have left them.
        """
        config, switched = self.config, self.steps_done >= self.config.switch_step
        for source, target, x, y in (("a", "b", batch.a, batch.b), ("b", "a", batch.b, batch.a)):
            discriminator = self.get_submodule(f"discriminator_{target}")
            with phase(f"generator_{source}2{target}", f"attention_{source}") as loss:
                fake_x, map_y = self._translation(target, source, y)  # by networks that this phase does not train
                # All layers treat each sample alone, so one forward pass translates x and takes fake_x back to y.
                images, maps = self._translation(source, target, torch.cat((x, fake_x)))
                fake_y, cycle_y = images.chunk(2)
                map_x, _ = maps.chunk(2)
                cycle_x, _ = self._translation(target, source, fake_y)
                logits = discriminator(self._attended(fake_y, map_x, switched), switched)
                loss["adversarial"] = least_squares(logits, 1.0)
                loss[f"cycle_{source}"] = config.cycle_weight * l1(cycle_x, x)
                loss[f"cycle_{target}"] = config.cycle_weight * l1(cycle_y, y)

            pool: ImagePool = getattr(self, f"pool_{target}")
            pooled = pool(torch.cat((fake_y, map_x), 1), batch.draws[f"pool_{target}"])
            real = torch.cat((y, map_y), 1)
            with phase(f"discriminator_{target}") as loss:
                images, maps = torch.cat((real, pooled)).split((3, 1), 1)
                logits = discriminator(self._attended(images, maps, switched), switched)
                real_logits, fake_logits = logits.chunk(2)
                loss["real"] = 0.5 * least_squares(real_logits, 1.0)
                loss["fake"] = 0.5 * least_squares(fake_logits, 0.0)
        self.steps_done.add_(1)

    def inference(self) -> dict[str, nn.Module]:
        """Both generators and both attention networks."""
        names = ("generator_a2b", "generator_b2a", "attention_a", "attention_b")
        return {name: self.get_submodule(name) for name in names}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Translate images (n, 3, h, w) in [-1, 1]; h and w are multiples of 4."""
        source, target = direction.lower().split("2")
        return self._translation(source, target, x).image

    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        """The map `mask` of the images x: 1 where the generator's output is taken, 0 where x stays as it is."""
        return {"mask": self.get_submodule(f"attention_{direction[0].lower()}")(x)}

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],
        revision: str | None = None,
        direction: Direction | None = None,  # noqa: ARG003
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Config and state dict from a checkpoint of the authors' TensorFlow code, `AGGAN-<epoch>.index`.

        The tensors do not say the size of the images: 256 px is assumed.

        Args:
            tensors: the variables by their names.
            revision: must be None, because the file name gives the epoch.
            direction: ignored, because the file holds both directions.
        Raises:
            UsageError: a revision is given, a variable is missing or has another shape, or the file is of the code
                before 2018-11.
        """
        refuse_revision(revision, "AGGAN checkpoint")
        fields, state = convert_checkpoint(tensors)
        config = AGGANConfig(**fields)
        message = "AGGAN checkpoint: {key} is {given}, expected {expected}; it belongs to other networks."
        check_shapes(state, lambda: cls(config), message)
        return config, state

    def _translation(self, source: str, target: str, x: Tensor) -> Translation:
        """The translations of images of the domain `source`, and the attention maps of these images."""
        attention_map: Tensor = self.get_submodule(f"attention_{source}")(x)
        foreground = self.get_submodule(f"generator_{source}2{target}")(x)
        return Translation(attention_map * foreground + (1 - attention_map) * x, attention_map)

    def _attended(self, images: Tensor, attention_map: Tensor, switched: Tensor) -> Tensor:
        """What a discriminator sees: images (n, 3, h, w), after the switch with 0 where attention is below the
        threshold. No gradient reaches the map (n, 1, h, w) through this comparison.
        """
        return images * ((attention_map >= self.config.threshold) | ~switched)
