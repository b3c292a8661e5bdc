"""CUT and FastCUT (Park et al. 2020): a translation keeps at each place what was there, held patch by patch.

One generator translates one way. A patch of its output must be told, by the features of the generator's own first
half, from the other patches of the input. Networks, weights of the losses and the order of updates are those of
the authors' code (contrastive-unpaired-translation): the discriminator steps first, on the fakes that are made;
then generator and projection step against it, on the same fakes. docs/fidelity.md says what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from baselines._cut_checkpoints import read_public
from ugbench.method import (
    Batch,
    ConfigError,
    Direction,
    Draw,
    Group,
    Method,
    MethodConfig,
    Phase,
    UsageError,
    parameters_of,
)
from ugbench.nn.blur import BlurDown, BlurUp
from ugbench.nn.losses import least_squares
from ugbench.nn.padding import ReflectionPad
from ugbench.nn.patch_nce import Projection, patch_nce, places_of
from ugbench.nn.residual import ResidualBlock

FIRST_BLOCK = 12  # its place among the generator's layers


class CUTConfig(MethodConfig):
    """The defaults are the paper's CUT."""

    # Two halvings must be undone exactly, and the discriminator's last norm needs more than one pixel.
    size: int = Field(256, ge=24, multiple_of=4, description="height and width of the images, px")
    channels: PositiveInt = Field(64, description="of the generator's first convolution")
    blocks: PositiveInt = Field(9, description="residual blocks")
    discriminator_channels: PositiveInt = Field(64, description="of the discriminator's first convolution")
    projection_channels: PositiveInt = Field(256, description="length of a patch's projected features")
    patches: int = Field(256, ge=2, description="places compared a layer; all of them where a layer has fewer")
    temperature: PositiveFloat = Field(0.07, description="divides the similarities of patches")
    adversarial_weight: NonNegativeFloat = Field(1.0, description="weight of the generator's adversarial loss")
    nce_weight: NonNegativeFloat = Field(1.0, description="weight of the contrastive loss")
    identity_nce: bool = Field(True, description="also between targets and their translations, half the weight each")
    flip_equivariance: bool = Field(False, description="mirror a step's input by a coin, and its features back")
    init_gain: PositiveFloat = Field(0.02, description="factor on Xavier's initial weights")
    lr: PositiveFloat = Field(2e-4, description="Adam's rate before it falls")
    constant_share: float = Field(0.5, ge=0, lt=1, description="share of the steps before the rate falls to 0")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")


def generator(channels: int, blocks: int) -> nn.Sequential:
    """Blurred ResNet generator: images (n, 3, h, w) in [-1, 1] to others of their shape; h and w multiples of 4."""
    half, quarter = 2 * channels, 4 * channels
    return nn.Sequential(
        *(ReflectionPad(3), nn.Conv2d(3, channels, 7), nn.InstanceNorm2d(channels), nn.ReLU(True)),
        *(nn.Conv2d(channels, half, 3, padding=1), nn.InstanceNorm2d(half), nn.ReLU(True), BlurDown()),
        *(nn.Conv2d(half, quarter, 3, padding=1), nn.InstanceNorm2d(quarter), nn.ReLU(True), BlurDown()),
        *(ResidualBlock(quarter) for _ in range(blocks)),
        *(BlurUp(), nn.Conv2d(quarter, half, 3, padding=1), nn.InstanceNorm2d(half), nn.ReLU(True)),
        *(BlurUp(), nn.Conv2d(half, channels, 3, padding=1), nn.InstanceNorm2d(channels), nn.ReLU(True)),
        *(ReflectionPad(3), nn.Conv2d(channels, 3, 7), nn.Tanh()),
    )


def discriminator(channels: int) -> nn.Sequential:
    """Blurred PatchGAN that sees 84x84 px: images (n, 3, h, w) to scores (n, 1, h / 8 - 2, w / 8 - 2)."""
    c2, c4, c8 = 2 * channels, 4 * channels, 8 * channels
    return nn.Sequential(
        *(nn.Conv2d(3, channels, 4, padding=1), nn.LeakyReLU(0.2, True), BlurDown()),
        *(nn.Conv2d(channels, c2, 4, padding=1), nn.InstanceNorm2d(c2), nn.LeakyReLU(0.2, True), BlurDown()),
        *(nn.Conv2d(c2, c4, 4, padding=1), nn.InstanceNorm2d(c4), nn.LeakyReLU(0.2, True), BlurDown()),
        *(nn.Conv2d(c4, c8, 4, padding=1), nn.InstanceNorm2d(c8), nn.LeakyReLU(0.2, True)),
        nn.Conv2d(c8, 1, 4, padding=1),
    )


def xavier_(module: nn.Module, gain: float) -> None:
    """Weights of every convolution and linear layer from Xavier's normal times `gain`, their biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_normal_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def constant_then_linear(steps: int, share: float) -> Callable[[int], float]:
    """1 for `share` of `steps`, then linear, reaching 0 at `steps` (so that no update is made at 0)."""
    falling = steps * (1 - share)
    return lambda step: min(1.0, max(0.0, (steps - step) / falling))


class CUT(Method):
    """One blurred ResNet generator, a projection of its features, a blurred PatchGAN, least-squares GAN, patch NCE."""

    Config = CUTConfig
    PRESETS: ClassVar = {
        "paper": {"epochs": 400},
        "smoke": {
            "size": 64,
            "batch_size": 4,
            "steps": 400,
            "channels": 16,
            "discriminator_channels": 16,
            "projection_channels": 16,
            "blocks": 2,
            "init_gain": 1.0,  # 500 steps on a dial (texture=1, seed=7): error left 0.80, with 0.02 1.05
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
        self.generator = generator(config.channels, config.blocks)
        self.discriminator = discriminator(config.discriminator_channels)
        # The padded image, both convolutions before a halving, the first block and the fifth; the last where
        # there are fewer, once.
        self.taps = tuple(dict.fromkeys((0, 4, 8, FIRST_BLOCK, FIRST_BLOCK + min(4, config.blocks - 1))))
        widths = [3, 2 * config.channels, *[4 * config.channels] * (len(self.taps) - 2)]
        self.projection = Projection(widths, config.projection_channels)
        xavier_(self, config.init_gain)

    def groups(self) -> dict[str, Group]:
        """One Adam for generator and projection, which step together, one for the discriminator.

        Raises:
            ConfigError: the config does not say how many steps there are.
        """
        config = self.config
        if config.steps is None:
            raise ConfigError("config: steps is not set; give --steps N.")
        schedule = constant_then_linear(config.steps, config.constant_share)
        networks = {"generators": (self.generator, self.projection), "discriminators": (self.discriminator,)}
        return {
            name: Group(parameters_of(*modules), config.lr, (config.beta1, config.beta2), schedule=schedule)
            for name, modules in networks.items()
        }

    def draws(self) -> dict[str, Draw]:
        """A number for every position of every tapped layer, anew for each loss, and the coin of the flip."""
        size = self.config.size
        sides = {0: size + 6, 4: size, 8: size // 2}
        draws = {
            f"{loss}/{tap}": Draw("uniform", (sides.get(tap, size // 4) ** 2,), per="step")
            for loss in self._losses()
            for tap in self.taps
        }
        return draws | ({"flip": Draw("uniform", per="step")} if self.config.flip_equivariance else {})

    def step(self, batch: Batch, phase: Phase) -> None:
        """Discriminator on fakes and targets, then generator and projection on the same fakes."""
        config, losses = self.config, self._losses()
        # Every layer treats the samples of a batch apart, so one forward gives both translation and identity.
        originals = torch.cat((batch.a, batch.b)) if config.identity_nce else batch.a
        flip = batch.draws["flip"] < 0.5 if config.flip_equivariance else None
        outputs, seen = self._translated(_mirrored(originals, flip))
        fake = outputs[: len(batch.a)]
        with phase("discriminators") as loss:
            real, score = self.discriminator(torch.cat((batch.b, fake.detach()))).chunk(2)
            loss["real"] = 0.5 * least_squares(real, 1.0)
            loss["fake"] = 0.5 * least_squares(score, 0.0)

        with phase("generators") as loss:
            loss["adversarial"] = config.adversarial_weight * least_squares(self.discriminator(fake), 1.0)
            with torch.no_grad():  # keys are of the original as it lies; unflipped, its features are at hand
                keys = seen if flip is None else self._encoded(originals)
            queries = [_mirrored(features, flip) for features in self._encoded(outputs)]
            for name, key_maps, query_maps in zip(losses, _split(keys, losses), _split(queries, losses), strict=True):
                loss[name] = config.nce_weight / len(losses) * self._nce(key_maps, query_maps, batch.draws, name)

    def inference(self) -> dict[str, nn.Module]:
        """The generator."""
        return {"generator": self.generator}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Images (n, 3, h, w) in [-1, 1] to the other domain, whichever was trained; h and w multiples of 4."""
        y: Tensor = self.generator(x)
        return y

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],
        revision: str | None = None,
        direction: Direction | None = None,  # noqa: ARG003
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Config and state from the state dicts of `<epoch>_net_G.pth`, and of `_F` and `_D` where given.

        The tensors tell neither the size (256 px is assumed) nor CUT from FastCUT (CUT's losses are assumed).

        Args:
            tensors: a state dict for each network, by file name (the epoch and the suffix may be left out), or
                the state dict of a generator itself.
            revision: the epoch to take ("latest", "200") where files of several are given.
            direction: what the generator translates; it changes no tensor.
        Raises:
            UsageError: the generator is missing, epochs are mixed, or a key or shape is not of these networks.
        """
        fields, state = read_public(tensors, revision)
        config = CUTConfig(**fields)
        with torch.device("meta"):
            wanted = cls(config).state_dict()
        given = {key.split(".")[0] for key in state}
        wanted = {key: tensor for key, tensor in wanted.items() if key.split(".")[0] in given}
        for key in sorted(state.keys() | wanted.keys()):
            found, expected = (tuple(of[key].shape) if key in of else "nothing" for of in (state, wanted))
            if found != expected:
                raise UsageError(
                    f"CUT checkpoint: {key} is {found}, expected {expected}; only the public code's default networks "
                    "are read: blurred ResNet generators and PatchGANs with instance norm."
                )
        return config, state

    def _losses(self) -> tuple[str, ...]:
        return ("nce", "nce_identity") if self.config.identity_nce else ("nce",)

    def _translated(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Translations of x and the tapped features of x, without gradient."""
        seen = []
        for place, layer in enumerate(self.generator):
            x = layer(x)
            if place in self.taps:
                seen.append(x.detach())
        return x, seen

    def _encoded(self, x: Tensor) -> list[Tensor]:
        """The tapped features of x."""
        seen = []
        for place, layer in enumerate(islice(self.generator, self.taps[-1] + 1)):
            x = layer(x)
            if place in self.taps:
                seen.append(x)
        return seen

    def _nce(self, keys: list[Tensor], queries: list[Tensor], draws: Mapping[str, Tensor], name: str) -> Tensor:
        """Mean over the tapped layers, with the gradient of the queries alone."""
        places = [places_of(draws[f"{name}/{tap}"], self.config.patches) for tap in self.taps]
        with torch.no_grad():
            targets = self.projection(keys, places)
        points = self.projection(queries, places)
        losses = [patch_nce(q, k, self.config.temperature) for q, k in zip(points, targets, strict=True)]
        return torch.stack(losses).mean()


def _mirrored(x: Tensor, flip: Tensor | None) -> Tensor:
    """Images or maps, mirrored where the step's coin (a scalar) says so; no host sync."""
    return x if flip is None else torch.where(flip, x.flip(-1), x)


def _split(maps: list[Tensor], losses: Sequence[str]) -> list[list[Tensor]]:
    """The maps of each loss's images: those of A, then those of B."""
    return [list(part) for part in zip(*(layer.chunk(len(losses)) for layer in maps), strict=True)]
