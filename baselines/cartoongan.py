"""CartoonGAN (Chen et al. 2018): photos become cartoons, whose clear edges a discriminator learns to demand.

One generator translates in one direction. Its discriminator learns to tell cartoons from translations, and also from
cartoons with blurred edges. A content loss compares the features of a photo with those of its translation, in a VGG19
that is not trained. In a first phase the generator learns only by this loss. Networks, losses and the order of updates
are those of the authors' code (FlyingGoblin/CartoonGAN): the discriminator is updated first, on fakes from a pool, then
the generator. docs/fidelity.md says what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

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

from baselines._cartoongan_checkpoints import convert_checkpoint
from baselines._cartoongan_networks import BatchPool, discriminator, generator, initialize_as_the_authors_
from baselines._vgg import VGG19_CONV4_4, Convention, narrowed, resized, vgg, vgg_input
from ugbench.method import (
    Batch,
    ConfigError,
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
from ugbench.nn.init import initialize_
from ugbench.nn.losses import l1, least_squares
from ugbench.nn.schedule import constant_then_linear
from ugbench.nn.state_dicts import check_shapes

INIT_PART = 11  # of the 220 epochs of the authors' code, 20 are the initialisation phase


class CartoonGANConfig(MethodConfig):
    """CartoonGAN's config. The defaults are those of the authors' code."""

    # The generator halves the size twice and doubles it again. From 8 px on its last reflection padding has room.
    size: Annotated[Size, sides(least=8, multiple_of=4)] = Field(256, description="of the images, px")
    channels: PositiveInt = Field(64, description="channels of the generator's first convolution")
    blocks: PositiveInt = Field(8, description="residual blocks of the generator")
    discriminator_channels: PositiveInt = Field(32, description="channels of the discriminator's first convolution")
    biases: bool = Field(
        False, description="biases in the convolutions; the authors' code sets them to 0 before every update"
    )
    norm_eps: PositiveFloat = Field(1e-5, description="what instance norm adds to the variance")
    content_network: Literal["vgg19", "random"] = Field(
        "vgg19", description="network of the content loss: VGG19 with weights from --weights vgg19=FILE, or random ones"
    )
    content_input: Convention = Field(
        "torchvision", description="images that the file of VGG19 takes: torchvision's, or those of weights from Caffe"
    )
    random_channels: PositiveInt = Field(16, description="channels of a random content network's first convolution")
    content_size: int = Field(224, ge=8, description="side to which images are resized for the content network, px")
    init_steps: NonNegativeInt | None = Field(
        None,
        validate_default=True,
        description="first steps, in which the generator learns by the content loss alone; null: an eleventh of all",
    )
    pool_size: NonNegativeInt = Field(50, description="number of earlier batches of fakes that the pool keeps")
    adversarial_weight: NonNegativeFloat = Field(1.0, description="weight of the generator's adversarial loss")
    edge_weight: NonNegativeFloat = Field(1.0, description="weight of the discriminator's loss of blurred edges")
    content_weight: PositiveFloat = Field(10.0, description="weight of the content loss")
    init_lr: PositiveFloat = Field(2e-4, description="Adam's learning rate in the first half of the init_steps")
    lr: PositiveFloat = Field(1e-5, description="Adam's learning rate in the first half of the steps after them")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")

    @field_validator("init_steps")
    @classmethod
    def _default_init_steps(cls, init_steps: int | None, info: ValidationInfo) -> int | None:
        steps = info.data.get("steps")  # null in a preset that counts epochs, or if the field `steps` reports its error
        return init_steps if steps is None else _init_steps_of(init_steps, steps)

    def resolved(self, images_a: int, images_b: int) -> Self:
        """This config with its numbers of steps and of first steps; see `MethodConfig.resolved`.

        Raises:
            ConfigError: neither `steps` nor `epochs` is set, or all steps are first steps.
        """
        config = super().resolved(images_a, images_b)
        try:
            init_steps = _init_steps_of(self.init_steps, config.known_steps)
        except ValueError as error:
            raise ConfigError(f"init_steps: {self.init_steps} was given; {error}.") from None
        return config.model_copy(update={"init_steps": init_steps})


def _init_steps_of(init_steps: int | None, steps: int) -> int:
    """The number of first steps among `steps`: the given one, or an eleventh.

    Raises:
        ValueError: there would be no step after them.
    """
    if init_steps is not None and init_steps >= steps:
        raise ValueError(f"at steps={steps} it is at most {steps - 1}")
    return steps // INIT_PART if init_steps is None else init_steps


class CartoonGAN(Method):
    """A generator, a discriminator and a content network that is not trained; LSGAN, edge and content losses."""

    title: ClassVar[str] = "CartoonGAN"
    Config = CartoonGANConfig
    PRESETS: ClassVar = {
        "paper": {"epochs": 220, "batch_size": 8},
        "smoke": {
            "size": 64,
            "batch_size": 4,
            # On a dial with shape=0, texture=1 and seed=7 the remaining error was 0.96 after 400 steps and 0.85 after
            # 800; at 32 px, with another seed, 0.78 to 0.80 after 300 steps of three runs.
            "steps": 800,
            "channels": 16,
            # With 16 channels here and the weight 10, two of these runs ended at 0.77 and 1.02: the discriminator wins.
            "discriminator_channels": 8,
            "content_weight": 3.0,
            "blocks": 2,
            "content_network": "random",
            "random_channels": 8,
            "content_size": 32,
            "init_lr": 1e-3,
            "lr": 1e-3,
        },
    }
    directions: ClassVar[tuple[Direction, ...]] = ("A2B",)
    splits: ClassVar[tuple[str, ...]] = ("edgesB",)
    frozen: ClassVar = {"vgg": "vgg19"}
    config: CartoonGANConfig

    def __init__(self, config: CartoonGANConfig) -> None:
        super().__init__(config)
        self.generator = generator(config.channels, config.blocks, config.biases, config.norm_eps)
        self.discriminator = discriminator(config.discriminator_channels, config.biases, config.norm_eps)
        self.pool = BatchPool(config.pool_size, config.batch_size, config.size)
        initialize_as_the_authors_(self.generator)
        initialize_as_the_authors_(self.discriminator)
        if config.content_network == "vgg19":
            self.vgg = vgg(VGG19_CONV4_4)
        else:
            # Its weights are drawn like the others, and stay as they are: they are in the run's checkpoints.
            self.random_network = vgg(narrowed(VGG19_CONV4_4, config.random_channels)).requires_grad_(False)
            initialize_(self.random_network, nn.init.kaiming_normal_)

    def groups(self) -> dict[str, Group]:
        """One Adam for the discriminator, one for the generator, which stays the same after the first steps.

        The rate of the first steps is constant for half of them, then falls linearly to 0; so does that of the steps
        after them.

        Raises:
            ConfigError: the config has no number of steps.
        """
        config, betas = self.config, (self.config.beta1, self.config.beta2)
        init_steps = config.init_steps or 0
        main = constant_then_linear(config.known_steps - init_steps)
        lr, schedule = config.lr, main
        if init_steps:
            lr, schedule = config.init_lr, _one_after_the_other(init_steps, main, config.lr / config.init_lr)
        return {
            "discriminators": Group(
                parameters_of(self.discriminator),
                config.lr,
                betas,
                schedule=lambda step: main(max(0, step - init_steps)),
            ),
            "generators": Group(parameters_of(self.generator), lr, betas, schedule=schedule),
        }

    def draws(self) -> dict[str, Draw]:
        """The random numbers of the pool: a coin and a slot for the whole batch."""
        return {"pool": Draw("uniform", (2,), per="step")}

    def step(self, batch: Batch, phase: Phase) -> None:
        """Update the discriminator, then the generator; in the first steps the generator alone, by the content loss."""
        config, photos = self.config, batch.a
        is_main = not config.init_steps or batch.step >= config.init_steps
        fake = self.generator(photos)
        if is_main:
            pooled = self.pool(fake, batch.draws["pool"])
            with phase("discriminators") as loss:
                # All layers treat each sample alone, so one forward pass computes the logits of all three kinds.
                images = torch.cat((batch.b, batch.extra["edgesB"], pooled))
                real_logits, edge_logits, fake_logits = self.discriminator(images).chunk(3)
                loss["real"] = least_squares(real_logits, 1.0)
                loss["edges"] = config.edge_weight * least_squares(edge_logits, 0.0)
                loss["fake"] = least_squares(fake_logits, 0.0)

        with phase("generators") as loss:
            if is_main:
                loss["adversarial"] = config.adversarial_weight * least_squares(self.discriminator(fake), 1.0)
            with torch.no_grad():
                content = self._content(photos)
            loss["content"] = config.content_weight * l1(self._content(fake), content)

    def _content(self, images: Tensor) -> Tensor:
        """Features (n, c, s / 8, s / 8) of the content of images (n, 3, h, w) in [-1, 1]; s is `content_size`."""
        network = self.vgg if self.config.content_network == "vgg19" else self.random_network
        resized_images = resized(images, self.config.content_size)
        features: Tensor = network(vgg_input(resized_images, self.config.content_input))
        return features

    def inference(self) -> dict[str, nn.Module]:
        """The generator."""
        return {"generator": self.generator}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Translate images (n, 3, h, w) in [-1, 1] in the direction that was trained; h and w are multiples of 4."""
        y: Tensor = self.generator(x)
        return y

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],
        revision: str | None = None,
        direction: Direction | None = None,  # noqa: ARG003
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Config and state dict of the generator in `<style>_net_G_float.pth` of the PyTorch port.

        The tensors do not say the size of the images: 256 px is assumed.

        Args:
            tensors: a state dict for each style, by file name, or one state dict.
            revision: the style to take ("Hayao") if there are files of several.
            direction: what the generator translates; it changes no tensor.
        Raises:
            UsageError: the files are of several styles, or a key or shape is not of this generator.
        """
        fields, state = convert_checkpoint(tensors, revision)
        config = CartoonGANConfig(**fields)
        message = (
            "CartoonGAN checkpoint: {key} is {given}, expected {expected}; only generators of the PyTorch port with "
            "two stride-2 convolutions are read."
        )
        check_shapes(state, lambda: cls(config), message)
        return config, state


def _one_after_the_other(init_steps: int, main: Callable[[int], float], main_share: float) -> Callable[[int], float]:
    """The generator's factor: that of the first steps, then that of the main phase.

    Args:
        main: the factor of the main phase, from the number of its steps that are done.
        main_share: the rate of the main phase as a share of that of the first steps.
    """
    first = constant_then_linear(init_steps)
    return lambda step: first(step) if step < init_steps else main_share * main(step - init_steps)
