"""CUT and FastCUT (Park et al. 2020): contrastive learning keeps the content of each patch in a translation.

One generator translates in one direction. The PatchNCE loss compares features of the generator's encoder: those of a
patch of the output must resemble those of the same patch of the input more than those of its other patches.
Networks, loss weights and the order of updates are those of the authors' code (contrastive-unpaired-translation): the
discriminator is updated first, then the generator and the projection, on the same fakes. docs/fidelity.md says what
differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from baselines._cut_checkpoints import convert_checkpoint
from ugbench.method import SMALL, Batch, Direction, Draw, Group, Method, MethodConfig, Phase, Size, parameters_of, sides
from ugbench.nn.augmentation import augmentation_shapes, augmented
from ugbench.nn.blur import BlurDown, BlurUp
from ugbench.nn.init import initialize_
from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.losses import least_squares
from ugbench.nn.padding import ReflectionPad
from ugbench.nn.patch_nce import Projection, patch_nce, sample_positions
from ugbench.nn.residual import ResidualBlock
from ugbench.nn.schedule import constant_then_linear
from ugbench.nn.state_dicts import check_shapes


class CUTConfig(MethodConfig):
    """CUT's config. The defaults are those of the paper."""

    augments: ClassVar[bool] = True

    # The generator halves the size twice and doubles it again, so each side must be a multiple of 4. From 24 px on the
    # discriminator's last instance norm has more than one pixel.
    size: Annotated[Size, sides(least=24, multiple_of=4)] = Field(256, description="of the images, px")
    channels: PositiveInt = Field(64, description="channels of the generator's first convolution")
    blocks: PositiveInt = Field(9, description="residual blocks")
    halvings: int = Field(2, ge=1, le=2, description="how often the generator halves the size before its blocks")
    discriminator_channels: PositiveInt = Field(64, description="channels of the discriminator's first convolution")
    projection_channels: PositiveInt = Field(256, description="length of a patch's projected features")
    patches: int = Field(
        256, ge=2, description="patches that are compared per layer; a layer with fewer positions uses all"
    )
    temperature: PositiveFloat = Field(0.07, description="divides the similarities of patches")
    adversarial_weight: NonNegativeFloat = Field(1.0, description="weight of the generator's adversarial loss")
    nce_weight: NonNegativeFloat = Field(1.0, description="weight of the PatchNCE loss")
    identity_nce: bool = Field(
        True, description="also compare target images with their translations; each loss has half the weight"
    )
    flip_equivariance: bool = Field(
        False, description="mirror the input of a step with probability 0.5, and its features back"
    )
    init_gain: PositiveFloat = Field(0.02, description="gain of Xavier's initial weights")
    lr: PositiveFloat = Field(2e-4, description="Adam's learning rate before it decays")
    constant_share: float = Field(
        0.5, ge=0, lt=1, description="share of the steps before the learning rate decays to 0"
    )
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")


class Generator(nn.Sequential):
    """ResNet generator with antialiased resampling: translates images (n, 3, h, w) in [-1, 1]; h, w multiples of 4."""

    def __init__(self, channels: int, blocks: int, halvings: int) -> None:
        widths = [channels * 2**level for level in range(halvings + 1)]
        steps = tuple(pairwise(widths))
        super().__init__(
            *(ReflectionPad(3), nn.Conv2d(3, channels, 7), InstanceNorm2d(channels), nn.ReLU(True)),
            *(layer for narrow, wide in steps for layer in (*_convolve(narrow, wide), BlurDown())),
            *(ResidualBlock(widths[-1]) for _ in range(blocks)),
            *(layer for narrow, wide in reversed(steps) for layer in (BlurUp(), *_convolve(wide, narrow))),
            *(ReflectionPad(3), nn.Conv2d(channels, 3, 7), nn.Tanh()),
        )
        self.first_block = 4 * (1 + halvings)  # position of the first residual block

    def forward(self, input: Tensor, taps: Sequence[int] = (), encode: bool = False) -> Tensor | list[Tensor]:
        """The translations of images.

        Args:
            taps: positions of layers. If there are any, the outputs of these layers come before the translations, in
                a list.
            encode: stop at the last tap, without translating.
        """
        x, features = input, []
        for position, layer in enumerate(self):
            x = layer(x)
            if position in taps:
                features.append(x)
            if encode and position == taps[-1]:
                return features
        return [*features, x] if taps else x


def _convolve(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    """A 3x3 convolution, its norm and its activation."""
    return nn.Conv2d(channels, out_channels, 3, padding=1), InstanceNorm2d(out_channels), nn.ReLU(True)


def discriminator(channels: int) -> nn.Sequential:
    """Antialiased PatchGAN, receptive field 84x84 px: images (n, 3, h, w) to logits (n, 1, h / 8 - 2, w / 8 - 2)."""
    c2, c4, c8 = 2 * channels, 4 * channels, 8 * channels
    return nn.Sequential(
        *(nn.Conv2d(3, channels, 4, padding=1), nn.LeakyReLU(0.2, True), BlurDown()),
        *(nn.Conv2d(channels, c2, 4, padding=1), InstanceNorm2d(c2), nn.LeakyReLU(0.2, True), BlurDown()),
        *(nn.Conv2d(c2, c4, 4, padding=1), InstanceNorm2d(c4), nn.LeakyReLU(0.2, True), BlurDown()),
        *(nn.Conv2d(c4, c8, 4, padding=1), InstanceNorm2d(c8), nn.LeakyReLU(0.2, True)),
        nn.Conv2d(c8, 1, 4, padding=1),
    )


class CUT(Method):
    """A ResNet generator, a projection of its features and a PatchGAN discriminator; LSGAN and PatchNCE losses."""

    title: ClassVar[str] = "CUT"
    variant_titles: ClassVar = {"fastcut": "FastCUT"}
    Config = CUTConfig
    PRESETS: ClassVar = {
        "paper": {"epochs": 400},
        "small": {
            **SMALL,
            "channels": 16,
            "discriminator_channels": 16,
            "projection_channels": 64,
            "blocks": 3,
            "halvings": 1,
            "init_gain": 1.0,
            "lr": 1e-3,
        },
        "smoke": {
            "size": 64,
            "batch_size": 4,
            "steps": 400,
            "channels": 16,
            "discriminator_channels": 16,
            "projection_channels": 16,
            "blocks": 2,
            # After 500 steps on a dial with texture=1 and seed=7 the remaining error was 0.80; with 0.02 it was 1.05.
            "init_gain": 1.0,
            "lr": 1e-3,
        },
    }
    VARIANTS: ClassVar = {
        "fastcut": {
            "epochs": 200,
            "constant_share": 0.75,
            "nce_weight": 10.0,
            "identity_nce": False,
            "flip_equivariance": True,
        }
    }
    directions: ClassVar[tuple[Direction, ...]] = ("A2B",)
    config: CUTConfig

    def __init__(self, config: CUTConfig) -> None:
        super().__init__(config)
        self.generator = Generator(config.channels, config.blocks, config.halvings)
        self.discriminator = discriminator(config.discriminator_channels)
        # The layers of the PatchNCE loss: the padded image, the convolution before each halving, the first block and
        # the fifth block, or the last block if there are fewer than five.
        first, halvings = self.generator.first_block, config.halvings
        before_halvings = range(4, first, 4)
        blocks = dict.fromkeys((first, first + min(4, config.blocks - 1)))
        self.nce_layers = (0, *before_halvings, *blocks)
        widths = [3, *(2**level * config.channels for level in (*range(1, halvings + 1), *[halvings] * len(blocks)))]
        self.projection = Projection(widths, config.projection_channels)
        initialize_(self, partial(nn.init.xavier_normal_, gain=config.init_gain))

    def groups(self) -> dict[str, Group]:
        """One Adam for the generator and the projection, which are updated together, and one for the discriminator.

        Raises:
            ConfigError: the config has no number of steps.
        """
        betas = (self.config.beta1, self.config.beta2)
        schedule = constant_then_linear(self.config.known_steps, self.config.constant_share)
        generators = parameters_of(self.generator, self.projection)
        discriminators = parameters_of(self.discriminator)
        return {
            "generators": Group(generators, self.config.lr, betas, schedule=schedule),
            "discriminators": Group(discriminators, self.config.lr, betas, schedule=schedule),
        }

    def draws(self) -> dict[str, Draw]:
        """The random numbers of a step.

        For each PatchNCE loss and layer there is one number per position of the layer. There are also the numbers of
        the augmentation, and the coin of the flip.
        """
        height, width = self.config.image_shape
        areas = [(height >> level) * (width >> level) for level in range(self.config.halvings)]
        in_blocks = (height >> self.config.halvings) * (width >> self.config.halvings)
        positions = [(height + 6) * (width + 6), *areas, *[in_blocks] * (len(self.nce_layers) - 1 - len(areas))]
        draws = {
            f"{loss}/{layer}": Draw("uniform", (count,), per="step")
            for loss in self._nce_losses()
            for layer, count in zip(self.nce_layers, positions, strict=True)
        }
        for name, shape in augmentation_shapes(self.config.augmentation, "real", "fake", "detached").items():
            draws[name] = Draw("uniform", shape)
        return draws | ({"flip": Draw("uniform", per="step")} if self.config.flip_equivariance else {})

    def step(self, batch: Batch, phase: Phase) -> None:
        """Update the discriminator, then the generator and the projection on the same fakes."""
        config, losses = self.config, self._nce_losses()
        # All layers treat each sample alone, so one forward pass computes both the translation and the identity.
        inputs = torch.cat((batch.a, batch.b)) if config.identity_nce else batch.a
        flip = batch.draws["flip"] < 0.5 if config.flip_equivariance else None
        *input_features, outputs = self.generator(_mirrored(inputs, flip), self.nce_layers)
        fake = outputs[: len(batch.a)]
        with phase("discriminators") as loss:
            real = augmented(batch.b, batch.draws, "real")
            detached = augmented(fake.detach(), batch.draws, "detached")
            real_logits, fake_logits = self.discriminator(torch.cat((real, detached))).chunk(2)
            loss["real"] = 0.5 * least_squares(real_logits, 1.0)
            loss["fake"] = 0.5 * least_squares(fake_logits, 0.0)

        with phase("generators") as loss:
            logits = self.discriminator(augmented(fake, batch.draws, "fake"))
            loss["adversarial"] = config.adversarial_weight * least_squares(logits, 1.0)
            # The keys are features of the inputs without the flip. If there is no flip, they are computed already.
            with torch.no_grad():
                keys = [x.detach() for x in input_features] if flip is None else self._features(inputs)
            queries = [_mirrored(features, flip) for features in self._features(outputs)]
            keys_of, queries_of = _split(keys, losses), _split(queries, losses)
            for name in losses:
                loss[name] = (
                    config.nce_weight / len(losses) * self._nce(keys_of[name], queries_of[name], batch.draws, name)
                )

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
        """Config and state dict from `<epoch>_net_G.pth`, and from `_F` and `_D` if they are given.

        The tensors do not say the size of the images (256 px is assumed), nor whether they are of CUT or of FastCUT
        (CUT's losses are assumed).

        Args:
            tensors: a state dict for each network, by file name (the epoch and the suffix may be left out), or
                the state dict of a generator.
            revision: the epoch to take ("latest", "200") if there are files of several epochs.
            direction: what the generator translates; it changes no tensor.
        Raises:
            UsageError: the generator is missing, epochs are mixed, or a key or shape is not of these networks.
        """
        fields, state = convert_checkpoint(tensors, revision)
        config = CUTConfig(**fields)
        message = (
            "CUT checkpoint: {key} is {given}, expected {expected}; only the public code's default networks "
            "are read: blurred ResNet generators and PatchGANs with instance norm."
        )
        check_shapes(state, lambda: cls(config), message)
        return config, state

    def _nce_losses(self) -> tuple[str, ...]:
        """The names of the PatchNCE losses."""
        return ("nce", "nce_identity") if self.config.identity_nce else ("nce",)

    def _features(self, x: Tensor) -> list[Tensor]:
        """The features of x at the layers of the PatchNCE loss."""
        features: list[Tensor] = self.generator(x, self.nce_layers, encode=True)
        return features

    def _nce(self, keys: list[Tensor], queries: list[Tensor], draws: Mapping[str, Tensor], name: str) -> Tensor:
        """The mean of the PatchNCE loss over its layers. Only the queries have a gradient."""
        patches = [sample_positions(draws[f"{name}/{layer}"], self.config.patches) for layer in self.nce_layers]
        with torch.no_grad():
            projected_keys = self.projection(keys, patches)
        projected_queries = self.projection(queries, patches)
        losses = [
            patch_nce(layer_queries, layer_keys, self.config.temperature)
            for layer_queries, layer_keys in zip(projected_queries, projected_keys, strict=True)
        ]
        return torch.stack(losses).mean()


def _mirrored(x: Tensor, flip: Tensor | None) -> Tensor:
    """Images or features, mirrored if the step's coin (a scalar) says so; no host sync."""
    return x if flip is None else torch.where(flip, x.flip(-1), x)


def _split(features: list[Tensor], losses: Sequence[str]) -> dict[str, list[Tensor]]:
    """The features that each loss compares: those of the images of A, then those of the images of B."""
    chunks = zip(*(layer_features.chunk(len(losses)) for layer_features in features), strict=True)
    return {name: list(chunk) for name, chunk in zip(losses, chunks, strict=True)}
