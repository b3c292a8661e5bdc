"""U-GAT-IT (Kim, Kim, Kang and Lee, ICLR 2020): its presets, its variants and its training step.

docs/fidelity.md says what is done here where the paper is silent or its two public code bases differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from ugatit.config import UGATITConfig
from ugatit.discriminator import Discriminator, DiscriminatorOutput
from ugatit.generator import Generator, GeneratorOutput
from ugatit.losses import adversarial_logits, cam_loss
from ugatit.normalization import AdaLIN, clip_rho
from ugatit.public_checkpoints import REVISIONS, convert_checkpoint
from ugatit.tensorflow_checkpoints import convert_tensorflow_checkpoint, is_tensorflow_checkpoint
from ugbench.method import SMALL, Batch, Direction, Draw, Group, Method, Phase, UsageError
from ugbench.nn.augmentation import augmentation_shapes, augmented
from ugbench.nn.init import normal_
from ugbench.nn.losses import l1, least_squares
from ugbench.nn.schedule import constant_then_linear
from ugbench.nn.state_dicts import check_shapes, unwrapped

Output = TypeVar("Output", GeneratorOutput, DiscriminatorOutput)

# At the networks' learning rate Adam moves rho by only a fraction of [0, 1] in a whole run, and weight decay pulls
# it down with any data.
FREE_RHO = {"rho_lr_factor": 100.0, "rho_decay": False}


class UGATIT(Method):
    """Generators and discriminators with CAM attention, and AdaLIN, which learns its share of instance norm."""

    title: ClassVar[str] = "U-GAT-IT"
    variant_titles: ClassVar[Mapping[str, str]] = {
        "in": "U-GAT-IT w/ IN",
        "ln": "U-GAT-IT w/ LN",
        "gn": "U-GAT-IT w/ GN",
        "bin": "U-GAT-IT w/ BIN",
        "adain": "U-GAT-IT w/ AdaIN",
        "rho05": "U-GAT-IT w/ ρ = 0.5",
        "rho0": "U-GAT-IT w/ ρ = 0",
        "rho-from-0": "U-GAT-IT w/ ρ from 0",
        "rho-from-05": "U-GAT-IT w/ ρ from 0.5",
        "rho-from-1": "U-GAT-IT w/ ρ from 1",
        "no-cam": "U-GAT-IT w/o CAM",
        "no-gcam": "U-GAT-IT w/o G_CAM",
        "no-dcam": "U-GAT-IT w/o D_CAM",
        "no-global": "U-GAT-IT w/o global discriminators",
        "no-local": "U-GAT-IT w/o local discriminators",
    }
    config: UGATITConfig
    Config = UGATITConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"steps": 1_000_000},
        "light": {"steps": 1_000_000, "light": True},
        "small": {
            **SMALL,
            "channels": 16,
            "discriminator_channels": 16,
            "blocks": 3,
            "halvings": 1,
            "light": True,
            "init": "default",
            "cam_weight": 10.0,
            "lr": 1e-3,
        },
        "smoke": {
            "size": 64,
            "channels": 16,
            "blocks": 2,
            "discriminator_channels": 16,
            "light": True,
            "batch_size": 4,
            "steps": 400,
            "lr": 1e-3,
            # In so few steps the paper's initial weights and its CAM weight would train little but the CAM.
            "init": "default",
            "cam_weight": 10.0,
        },
    }
    VARIANTS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "in": {"rho": 1.0, "style": False},
        "ln": {"rho": 0.0, "style": False},
        "gn": {"norm": "group", "rho": 0.0, "style": False},
        "bin": {"norm": "batch", "rho_start": 0.0, "style": False},
        "adain": {"rho": 1.0},
        "rho05": {"rho": 0.5},
        "rho0": {"rho": 0.0},
        "rho-from-0": {"rho_start": 0.0, "rho_start_up": 0.0, **FREE_RHO},
        "rho-from-05": {"rho_start": 0.5, "rho_start_up": 0.5, **FREE_RHO},
        "rho-from-1": {"rho_start": 1.0, "rho_start_up": 1.0, **FREE_RHO},
        "no-cam": {"generator_cam": False, "discriminator_cam": False},
        "no-gcam": {"generator_cam": False},
        "no-dcam": {"discriminator_cam": False},
        "no-global": {"global_discriminator": False},
        "no-local": {"local_discriminator": False},
    }

    ablation: ClassVar[tuple[str, ...]] = ("in", "ln", "adain", "gn", "no-cam", "no-gcam", "no-dcam")
    revisions: ClassVar[tuple[str, ...]] = tuple(REVISIONS)
    output_maps: ClassVar[tuple[str, ...]] = ("global", "local")

    def __init__(self, config: UGATITConfig) -> None:
        super().__init__(config)
        self.generator_a2b = Generator(config)
        self.generator_b2a = Generator(config)
        # The kind and the domain of each discriminator, in the order of their losses.
        self.discriminators: list[tuple[str, str]] = []
        for kind, depth in (("global", config.global_depth), ("local", config.local_depth)):
            if depth is None:
                continue
            for domain in ("a", "b"):
                discriminator = Discriminator(
                    channels=config.discriminator_channels,
                    depth=depth,
                    cam=config.discriminator_cam,
                    weighting=config.discriminator_cam_weight,
                )
                self.add_module(f"{kind}_{domain}", discriminator)
                self.discriminators.append((kind, domain))
        if config.init == "normal":
            normal_(self)
        names = sorted({self._group_of(name, parameter) for name, parameter in self.named_parameters()})
        self._discriminator_groups = [name for name in names if name.startswith("discriminators")]
        self._generator_groups = [name for name in names if name not in self._discriminator_groups]

    def groups(self) -> dict[str, Group]:
        """`generators` and `discriminators`, and also `rho` and `…_undecayed` if options treat those separately.

        Raises:
            ConfigError: the config has no number of steps.
        """
        config = self.config
        group_names = self._generator_groups + self._discriminator_groups
        members: dict[str, list[nn.Parameter]] = {name: [] for name in group_names}
        for name, parameter in self.named_parameters():
            members[self._group_of(name, parameter)].append(parameter)
        rho_decays = config.rho_decay and config.decay_scope == "all"
        return {
            name: Group(
                tuple(parameters),
                lr=config.lr * (config.rho_lr_factor if name == "rho" else 1.0),
                betas=(0.5, 0.999),
                weight_decay=0.0 if "undecayed" in name or (name == "rho" and not rho_decays) else config.weight_decay,
                schedule=constant_then_linear(config.known_steps),
            )
            for name, parameters in members.items()
        }

    def draws(self) -> dict[str, Draw]:
        """The random numbers of the augmentation, for each kind of discriminator and domain."""
        names = [
            f"{images}_{kind}_{domain}"
            for kind, domain in self.discriminators
            for images in ("real", "detached", "fake")
        ]
        shapes = augmentation_shapes(self.config.augmentation, *names)
        return {name: Draw("uniform", shape) for name, shape in shapes.items()}

    def step(self, batch: Batch, phase: Phase) -> None:
        """Update the discriminators, then the generators, then clip rho to [0, 1]."""
        a, b, config = batch.a, batch.b, self.config
        fake_b, identity_b = self._source_and_identity(self.generator_a2b, a, b)
        fake_a, identity_a = self._source_and_identity(self.generator_b2a, b, a)
        real, fake = {"a": a, "b": b}, {"a": fake_a.image, "b": fake_b.image}

        with phase(*self._discriminator_groups) as loss:
            for kind, domain in self.discriminators:
                discriminator = self.get_submodule(f"{kind}_{domain}")
                seen_real = augmented(real[domain], batch.draws, f"real_{kind}_{domain}")
                seen_fake = augmented(fake[domain].detach(), batch.draws, f"detached_{kind}_{domain}")
                on_real, on_fake = self._discriminate(discriminator, seen_real, seen_fake)
                for term, logits in adversarial_logits(kind, domain, on_real):
                    loss[term] = config.adversarial_weight * least_squares(logits, 1.0)
                for term, logits in adversarial_logits(kind, domain, on_fake):
                    loss[term] = loss[term] + config.adversarial_weight * least_squares(logits, 0.0)

        with phase(*self._generator_groups) as loss:
            for kind, domain in self.discriminators:
                seen = augmented(fake[domain], batch.draws, f"fake_{kind}_{domain}")
                on_fake = self.get_submodule(f"{kind}_{domain}")(seen)
                for term, logits in adversarial_logits(kind, domain, on_fake):
                    loss[term] = config.adversarial_weight * least_squares(logits, 1.0)
            loss["cycle_a"] = config.cycle_weight * l1(self.generator_b2a(fake_b.image).image, a)
            loss["cycle_b"] = config.cycle_weight * l1(self.generator_a2b(fake_a.image).image, b)
            loss["identity_a"] = config.identity_weight * l1(identity_a.image, a)
            loss["identity_b"] = config.identity_weight * l1(identity_b.image, b)
            if config.generator_cam:
                loss["cam_a2b"] = config.cam_weight * cam_loss(fake_b, identity_b)
                loss["cam_b2a"] = config.cam_weight * cam_loss(fake_a, identity_a)

        for rho in self._learnt_rhos().values():
            clip_rho(rho)

    def inference(self) -> dict[str, nn.Module]:
        """Both generators."""
        return {"generator_a2b": self.generator_a2b, "generator_b2a": self.generator_b2a}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Translate images (n, 3, height, width) in [-1, 1].

        Raises:
            UsageError: the model is a full one and was built for another size.
        """
        image: Tensor = self._generator(direction)(x).image
        return image

    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        """Attention maps: `generator` is computed on x, `global` and `local` by the discriminators on its translation.

        Networks without an auxiliary classifier have none.
        """
        return self._maps(x, direction, self.config.generator_cam, self.config.discriminator_cam)

    def feature_maps(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        """The attention maps, and the channel sums of the features of networks without an auxiliary classifier."""
        return self._maps(x, direction, True, True)

    def scalars(self) -> dict[str, Tensor]:
        """`rho/<network>.<layer>`: the mean of each learnt rho over its channels."""
        return {f"rho/{name}": rho.detach().mean() for name, rho in self._learnt_rhos().items()}

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],
        revision: str | None = None,
        direction: Direction | None = None,
    ) -> tuple[UGATITConfig, dict[str, Tensor]]:
        """Config and state dict from a `*_params_*.pt` of the authors' PyTorch code, or from their TensorFlow code.

        Only the generators of a TensorFlow checkpoint are read (see ugatit.tensorflow_checkpoints). The config has
        the settings of the code where they differ from the paper's. The tensors of a light model do not say the size
        of its images: 256 px is assumed.

        Args:
            tensors: the content of the file: all six networks, the generators alone, or one generator.
            revision: one of `revisions`; the tensors do not say which one. None is the first.
            direction: what a single generator translates; None is A2B. Ignored if there are two generators.
        Raises:
            UsageError: keys or shapes are not those of that code, or there is no such revision.
        """
        chosen = cls.revisions[0] if revision is None else revision
        if chosen not in cls.revisions:
            raise UsageError(f"--revision {revision}: ugatit reads {' and '.join(cls.revisions)}; give one of them.")
        tensors = unwrapped(tensors)
        if is_tensorflow_checkpoint(tensors):
            if revision is not None:
                raise UsageError(f"--revision {revision}: TensorFlow's checkpoints have none; leave it out.")
            fields, state = convert_tensorflow_checkpoint(tensors)
        else:
            fields, state = convert_checkpoint(tensors, chosen, direction)
        config = cls.Config(**fields)
        message = "the checkpoint has {given} where {key} should be {expected}; it belongs to another model."
        check_shapes(state, lambda: cls(config), message)
        return config, state

    def _generator(self, direction: Direction) -> Generator:
        return self.generator_a2b if direction == "A2B" else self.generator_b2a

    def _maps(self, x: Tensor, direction: Direction, generator: bool, discriminators: bool) -> dict[str, Tensor]:
        """The generator's map for x, and the maps of the target domain's discriminators for its translation."""
        output: GeneratorOutput = self._generator(direction)(x)
        maps = {"generator": output.attention_map} if generator else {}
        if discriminators:
            target = direction[-1].lower()
            for kind, domain in self.discriminators:
                discriminator = self.get_submodule(f"{kind}_{domain}")
                # A checkpoint of generators alone leaves the discriminators without weights.
                if domain == target and not next(discriminator.parameters()).is_meta:
                    maps[kind] = discriminator(output.image).attention_map
        return maps

    def _learnt_rhos(self) -> dict[str, Tensor]:
        """The rho of each layer in which it is learnt, by the name of the layer."""
        layers = self.named_modules()
        return {name: layer.rho for name, layer in layers if isinstance(layer, AdaLIN) and layer.rho is not None}

    def _group_of(self, name: str, parameter: nn.Parameter) -> str:
        """The name of the group that a parameter belongs to."""
        config = self.config
        if name.endswith(".rho") and (config.rho_lr_factor != 1.0 or not config.rho_decay):
            return "rho"
        side = "generators" if name.startswith("generator") else "discriminators"
        # Kernels have two or more dimensions; rho, gamma, beta and biases have one.
        return side if config.decay_scope == "all" or parameter.ndim > 1 else f"{side}_undecayed"

    def _source_and_identity(
        self, generator: Generator, source: Tensor, target: Tensor
    ) -> tuple[GeneratorOutput, GeneratorOutput]:
        """A generator's outputs for images of its source domain and, as the identity, of its target domain."""
        if self.config.norm == "batch":
            return generator(source), generator(target)
        # All other norms treat each sample alone, so one forward pass gives the same as two.
        return _halves(generator(torch.cat((source, target))))

    def _discriminate(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        """A discriminator's outputs for real and for translated images; each forward pass makes a power iteration."""
        if self.config.spectral_iterations == "forward":
            return discriminator(real), discriminator(fake)
        return _halves(discriminator(torch.cat((real, fake))))


def _halves(output: Output) -> tuple[Output, Output]:
    """The outputs for the first and for the second half of a batch."""
    halves = [(None, None) if part is None else part.chunk(2) for part in output]
    first, second = zip(*halves, strict=True)
    return type(output)(*first), type(output)(*second)
