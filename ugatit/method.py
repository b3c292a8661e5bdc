"""U-GAT-IT (Kim, Kim, Kang and Lee, ICLR 2020): its presets, variants, losses and training step.

Where the paper is silent or its two public code bases part ways, docs/fidelity.md says what is done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugatit.config import UGATITConfig
from ugatit.discriminator import Discriminator, Judgement
from ugatit.generator import Generator, Translation
from ugatit.normalization import MixedNorm
from ugatit.public_checkpoints import REVISIONS, read_public
from ugatit.tensorflow_checkpoints import read_tensorflow, reads_tensorflow
from ugbench.method import Adaptation, Batch, ConfigError, Direction, Group, Method, Phase, UsageError
from ugbench.nn.init import normal_
from ugbench.nn.losses import l1, least_squares
from ugbench.nn.moments import widen
from ugbench.nn.schedule import constant_then_linear

Parts = TypeVar("Parts", Translation, Judgement)

# At the networks' rate Adam moves rho by a fraction of [0, 1] in a run, and decay pulls it down whatever the data say.
FREE_RHO = {"rho_lr_factor": 100.0, "rho_decay": False}


class UGATIT(Method):
    """Attention by auxiliary classifiers, and a norm that learns how far it is instance norm."""

    config: UGATITConfig
    Config = UGATITConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"steps": 1_000_000},
        "light": {"steps": 1_000_000, "light": True},
        "smoke": {
            "size": 64,
            "channels": 16,
            "blocks": 2,
            "discriminator_channels": 16,
            "light": True,
            "batch_size": 4,
            "steps": 400,
            "lr": 1e-3,
            # In minutes the paper's starting weights and CAM weight leave no time for anything but the CAM.
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
    # AdaLIN's alone: the upsampling layers' LIN has no part in the claim.
    adaptation: ClassVar[Adaptation] = Adaptation(
        learnt={"rho-from-0": 0.0, "rho-from-05": 0.5, "rho-from-1": 1.0},
        fixed={"rho0": 0.0, "adain": 1.0},
        scalars={"A2B": "rho/generator_a2b.decoder.", "B2A": "rho/generator_b2a.decoder."},
    )
    revisions: ClassVar[tuple[str, ...]] = tuple(REVISIONS)
    output_maps: ClassVar[tuple[str, ...]] = ("global", "local")

    def __init__(self, config: UGATITConfig) -> None:
        super().__init__(config)
        self.generator_a2b = _generator(config)
        self.generator_b2a = _generator(config)
        self._judges = [
            (kind, domain, depth)
            for kind, depth in (("global", config.global_depth), ("local", config.local_depth))
            if depth is not None
            for domain in ("a", "b")
        ]
        for kind, domain, depth in self._judges:
            self.add_module(f"{kind}_{domain}", _discriminator(config, depth))
        if config.init == "normal":
            normal_(self)
        names = sorted({self._group_of(*named) for named in self.named_parameters()})
        self._discriminator_groups = [name for name in names if name.startswith("discriminators")]
        self._generator_groups = [name for name in names if name not in self._discriminator_groups]

    def groups(self) -> dict[str, Group]:
        """`generators` and `discriminators`; `rho` and `…_undecayed` too where options set those apart.

        Raises:
            ConfigError: the config does not say how many steps there are.
        """
        config = self.config
        if config.steps is None:
            raise ConfigError("config: steps is not set; give --steps N.")
        members: dict[str, list[nn.Parameter]] = {n: [] for n in self._generator_groups + self._discriminator_groups}
        for name, parameter in self.named_parameters():
            members[self._group_of(name, parameter)].append(parameter)
        rho_decays = config.rho_decay and config.decay_scope == "all"
        return {
            name: Group(
                tuple(parameters),
                lr=config.lr * (config.rho_lr_factor if name == "rho" else 1.0),
                betas=(0.5, 0.999),
                weight_decay=0.0 if "undecayed" in name or (name == "rho" and not rho_decays) else config.weight_decay,
                schedule=constant_then_linear(config.steps),
            )
            for name, parameters in members.items()
        }

    def step(self, batch: Batch, phase: Phase) -> None:
        """The discriminators' update, then the generators', then rho back into [0, 1]."""
        a, b, config = batch.a, batch.b, self.config
        from_a, same_b = self._source_and_identity(self.generator_a2b, a, b)
        from_b, same_a = self._source_and_identity(self.generator_b2a, b, a)
        real, fake = {"a": a, "b": b}, {"a": from_b.image, "b": from_a.image}

        with phase(*self._discriminator_groups) as loss:
            for kind, domain, _ in self._judges:
                on_real, on_fake = self._judge_both(f"{kind}_{domain}", real[domain], fake[domain].detach())
                for term, logits in _terms(kind, domain, on_real):
                    loss[term] = config.adversarial_weight * least_squares(logits, 1.0)
                for term, logits in _terms(kind, domain, on_fake):
                    loss[term] = loss[term] + config.adversarial_weight * least_squares(logits, 0.0)

        with phase(*self._generator_groups) as loss:
            for kind, domain, _ in self._judges:
                on_fake = self.get_submodule(f"{kind}_{domain}")(fake[domain])
                for term, logits in _terms(kind, domain, on_fake):
                    loss[term] = config.adversarial_weight * least_squares(logits, 1.0)
            loss["cycle_a"] = config.cycle_weight * l1(self.generator_b2a(from_a.image).image, a)
            loss["cycle_b"] = config.cycle_weight * l1(self.generator_a2b(from_b.image).image, b)
            loss["identity_a"] = config.identity_weight * l1(same_a.image, a)
            loss["identity_b"] = config.identity_weight * l1(same_b.image, b)
            if config.generator_cam:
                loss["cam_a2b"] = config.cam_weight * _source_told(from_a, same_b)
                loss["cam_b2a"] = config.cam_weight * _source_told(from_b, same_a)

        for norm in self._norms().values():
            norm.clip_rho()

    def inference(self) -> dict[str, nn.Module]:
        """Both generators."""
        return {"generator_a2b": self.generator_a2b, "generator_b2a": self.generator_b2a}

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Translate images (n, 3, size, size) in [-1, 1].

        Raises:
            UsageError: a full model was given another size than its own.
        """
        image: Tensor = self._generator_for(direction)(x).image
        return image

    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        """Heat maps: `generator` of x; `global` and `local` of its translation, in the discriminators.

        Networks without an auxiliary classifier have none.
        """
        return self._maps(x, direction, self.config.generator_cam, self.config.discriminator_cam)

    def feature_maps(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        """The same, and sums over the channels of the plain features of networks without an auxiliary classifier."""
        return self._maps(x, direction, True, True)

    def scalars(self) -> dict[str, Tensor]:
        """`rho/<network>.<layer>`: the mean over channels of each rho that is learnt."""
        norms = self._norms().items()
        return {f"rho/{name}": norm.rho.detach().mean() for name, norm in norms if norm.rho is not None}

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],
        revision: str | None = None,
        direction: Direction | None = None,  # noqa: ARG003
    ) -> tuple[UGATITConfig, dict[str, Tensor]]:
        """Config and state dict from a `*_params_*.pt` of the authors' PyTorch code, or their TensorFlow code's.

        Of the latter the generators alone are read (see ugatit.tensorflow_checkpoints). The
        config has that code's settings where they differ from the paper's. A light model's tensors do not
        tell the size of its images: 256 px is assumed.

        Args:
            revision: one of `revisions`; None is the first. The tensors cannot tell.
        Raises:
            UsageError: keys or shapes are not that code's, or there is no such revision.
        """
        chosen = cls.revisions[0] if revision is None else revision
        if chosen not in cls.revisions:
            raise UsageError(f"--revision {revision}: ugatit reads {' and '.join(cls.revisions)}; give one of them.")
        if reads_tensorflow(tensors):
            if revision is not None:
                raise UsageError(f"--revision {revision}: TensorFlow's checkpoints have none; leave it out.")
            fields, state = read_tensorflow(tensors)
        else:
            fields, state = read_public(tensors, chosen)
        config = cls.Config(**fields)
        given = {name.split(".")[0] for name in state}
        with torch.device("meta"):
            whole = cls(config).state_dict()
        expected = {name: tuple(tensor.shape) for name, tensor in whole.items() if name.split(".")[0] in given}
        found = {name: tuple(tensor.shape) for name, tensor in state.items()}
        for name in sorted(expected | found):
            if expected.get(name) != found.get(name):
                raise UsageError(
                    f"the checkpoint has {found.get(name, 'nothing')} where {name} should be "
                    f"{expected.get(name, 'absent')}; it is of another model."
                )
        return config, state

    def _generator_for(self, direction: Direction) -> Generator:
        return self.generator_a2b if direction == "A2B" else self.generator_b2a

    def _maps(self, x: Tensor, direction: Direction, generator: bool, discriminators: bool) -> dict[str, Tensor]:
        """The maps of the generator, and of the target domain's discriminators, on what it makes."""
        translation: Translation = self._generator_for(direction)(x)
        maps = {"generator": translation.heat} if generator else {}
        if discriminators:
            for kind, domain, _ in self._judges:
                if domain == direction[-1].lower():
                    maps[kind] = self.get_submodule(f"{kind}_{domain}")(translation.image).heat
        return maps

    def _norms(self) -> dict[str, MixedNorm]:
        return {name: module for name, module in self.named_modules() if isinstance(module, MixedNorm)}

    def _group_of(self, name: str, parameter: nn.Parameter) -> str:
        config = self.config
        if name.endswith(".rho") and (config.rho_lr_factor != 1.0 or not config.rho_decay):
            return "rho"
        side = "generators" if name.startswith("generator") else "discriminators"
        # Kernels are matrices or more; rho, gamma, beta and biases are vectors.
        return side if config.decay_scope == "all" or parameter.ndim > 1 else f"{side}_undecayed"

    def _source_and_identity(
        self, generator: Generator, source: Tensor, target: Tensor
    ) -> tuple[Translation, Translation]:
        """What a generator makes of its source domain, and of its target domain (the identity)."""
        if self.config.norm == "batch":
            return generator(source), generator(target)
        # No other norm joins samples, so one pass gives what two would.
        return _halves(generator(torch.cat((source, target))))

    def _judge_both(self, name: str, real: Tensor, fake: Tensor) -> tuple[Judgement, Judgement]:
        """A discriminator on real and on translated images; a forward pass is a power iteration."""
        discriminator = self.get_submodule(name)
        if self.config.spectral_iterations == "forward":
            return discriminator(real), discriminator(fake)
        return _halves(discriminator(torch.cat((real, fake))))


def _generator(config: UGATITConfig) -> Generator:
    def norm(start: float) -> Callable[[int, bool], MixedNorm]:
        return lambda channels, own_affine: MixedNorm(
            channels,
            config.norm,
            start if config.rho is None else config.rho,
            learnt=config.rho is None,
            own_affine=own_affine,
            variance=config.variance,
        )

    return Generator(
        size=config.size,
        channels=config.channels,
        blocks=config.blocks,
        light=config.light,
        cam=config.generator_cam,
        style=config.style,
        encoder_affine=config.encoder_affine,
        decoder_biases=config.decoder_biases,
        decoder_skip=config.decoder_skip,
        block_norm=norm(config.rho_start),
        up_norm=norm(config.rho_start_up),
    )


def _discriminator(config: UGATITConfig, depth: int) -> Discriminator:
    return Discriminator(
        channels=config.discriminator_channels,
        depth=depth,
        cam=config.discriminator_cam,
        weighting=config.discriminator_cam_weight,
    )


def _halves(both: Parts) -> tuple[Parts, Parts]:
    """The first and the second half of a batch's outputs."""
    pairs = [(None, None) if part is None else part.chunk(2) for part in both]
    first, second = zip(*pairs, strict=True)
    return type(both)(*first), type(both)(*second)


def _terms(kind: str, domain: str, judgement: Judgement) -> Iterator[tuple[str, Tensor]]:
    """Loss term and logits: of the patches, and of the auxiliary classifier where there is one."""
    yield f"{kind}_{domain}", judgement.logits
    if judgement.cam_logits is not None:
        yield f"{kind}_cam_{domain}", judgement.cam_logits


def _source_told(source: Translation, target: Translation) -> Tensor:
    """Cross entropy of a generator's auxiliary classifier: 1 on its source domain, 0 on its target domain."""
    assert source.cam_logits is not None and target.cam_logits is not None
    on_source, on_target = widen(source.cam_logits), widen(target.cam_logits)
    return F.binary_cross_entropy_with_logits(
        on_source, torch.ones_like(on_source)
    ) + F.binary_cross_entropy_with_logits(on_target, torch.zeros_like(on_target))
