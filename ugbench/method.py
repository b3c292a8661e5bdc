"""What a method is: the one interface between the bench and every translator. Read this file first.

A method is a `torch.nn.Module` whose children are its networks. It says which parameters one optimiser owns
(`groups`), which randomness a step consumes (`draws`), what one training step computes (`step`), and how it
translates (`translate`). Everything else is the engine's: backward passes, optimisers, precision, non-finite
losses, checkpoints, resuming. A step reads like the paper:

    def step(self, batch, phase):
        fake_b = self.generator_a2b(batch.a)                 # made once, used by both phases
        with phase("discriminators") as loss:                # only this group requires grad here
            loss["real_b"] = least_squares(self.discriminator_b(batch.b), 1.0)
            loss["fake_b"] = least_squares(self.discriminator_b(fake_b.detach()), 0.0)
        with phase("generators") as loss:                    # leaving a phase updates its groups
            loss["adversarial_b"] = least_squares(self.discriminator_b(fake_b), 1.0)

Images are float tensors (n, 3, size, size) in [-1, 1], RGB.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from torch import Tensor, nn

from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import ConfigError, UnknownName, UsageError, first_fault

__all__ = [
    "DIRECTIONS",
    "Adaptation",
    "Batch",
    "ConfigError",
    "Direction",
    "Draw",
    "Group",
    "Method",
    "MethodConfig",
    "Phase",
    "UnknownName",
    "UsageError",
    "parameters_of",
]


@dataclass(frozen=True)
class Batch:
    """What one step sees; a pure function of the run's seed and the step.

    Attributes:
        a, b: images of the two domains, (n, 3, size, size) in [-1, 1]. To a method with one direction `a` is the
            source, so a run from B to A sees the domains exchanged.
        draws: the randomness that `Method.draws` asked for, by name.
        step: steps done before this one; 0 at the first.
    """

    a: Tensor
    b: Tensor
    draws: Mapping[str, Tensor] = field(default_factory=dict)
    step: int = 0


@dataclass(frozen=True)
class Draw:
    """One random tensor that a step consumes: randomness is an input, never hidden state.

    Attributes:
        kind: "uniform" on [0, 1) or standard "normal".
        shape: of one draw.
        per: "sample" gives (n, *shape), "step" gives (*shape).
    """

    kind: Literal["uniform", "normal"]
    shape: tuple[int, ...] = ()
    per: Literal["sample", "step"] = "sample"


@dataclass(frozen=True)
class Group:
    """The parameters that one Adam owns. The groups of a method are disjoint.

    Attributes:
        parameters: trained by this group's phase.
        lr: learning rate where `schedule` is 1.
        betas, eps: Adam's.
        weight_decay: coupled (L2 added to the gradient, as in Adam, not AdamW).
        schedule: factor on lr from the number of steps done.
        clip_norm: largest 2-norm of the group's gradient; None leaves it as it is.
    """

    parameters: tuple[nn.Parameter, ...]
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Callable[[int], float] = lambda _step: 1.0
    clip_norm: float | None = None


class Phase(Protocol):
    """The engine's side of a step: `with phase("discriminators") as loss: loss["real"] = …`.

    Inside, only the named groups require grad, so networks of other groups cost no weight gradients. On
    leaving, the gradient of the sum of all terms updates the named groups, unless it is not finite. Each term is
    a scalar, already weighted, and a mean over samples. The terms' names reach metrics.jsonl as
    `<groups joined by +>/<term>`.
    """

    def __call__(self, *groups: str) -> AbstractContextManager[dict[str, Tensor]]: ...


class MethodConfig(BaseModel):
    """What every method's config has. A method adds its own flat fields; unknown ones are refused.

    `steps` is null in a preset that counts epochs instead; `resolved` fixes it once the images are counted, so
    that the config of a run always says its steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: PositiveInt = Field(256, description="height and width of the images, px")
    batch_size: PositiveInt = Field(1, description="images of each domain a step")
    steps: PositiveInt | None = Field(None, description="training steps; null: from `epochs`")
    epochs: PositiveInt | None = Field(None, description="passes over the larger domain; read where steps is null")

    def resolved(self, images_a: int, images_b: int) -> Self:
        """This config with `steps` fixed; an epoch is max(|A|, |B|) images.

        Raises:
            ConfigError: neither `steps` nor `epochs` is set.
        """
        steps = self.steps
        if steps is None:
            if self.epochs is None:
                raise ConfigError("config: neither steps nor epochs is set; give --steps N.")
            steps = max(1, self.epochs * max(images_a, images_b) // self.batch_size)
        return self.model_copy(update={"steps": steps, "epochs": None})


@dataclass(frozen=True)
class Adaptation:
    """A share, rho, from 0 to 1 that a method learns and is said to adapt to its data: `ugbench ablate --dial` asks.

    All its variants differ in where rho starts or stays, and in what lets it move, alone. They start from the same
    other weights, so that a seed pairs them.

    Attributes:
        learnt: variants that learn it, each with where it starts: 0, 1 and a place between.
        fixed: variants in which it stays where it is, each with its place: 0 and 1.
        scalars: for each direction the beginning of the names of those `scalars` whose mean is rho.
    """

    learnt: Mapping[str, float]
    fixed: Mapping[str, float]
    scalars: Mapping[Direction, str]


class Method(nn.Module, ABC):
    """A translator between two domains, A and B. Its name is its module's (see ugbench.registry).

    Whatever a step changes is a Parameter or a buffer, so that `state_dict` is the whole state beside Adam's.
    `__init__(config)` builds the networks with their initial weights from torch's default generator, which the
    engine seeds.

    Class attributes:
        Config: the config model.
        PRESETS: preset name -> the fields that differ from Config's defaults; "paper" and "smoke" at least.
        VARIANTS: variant name -> the fields that differ, on top of any preset. The base has no entry.
        ablation: the variants of the paper's own ablation, which `ugbench ablate` runs beside the base; empty for
            all of them.
        adaptation: what `ugbench ablate --dial` puts to the test; None where the method learns no such share.
        directions: what one trained model translates.
        style_dim: length of the style vector that picks one of many outputs; 0 where there is one.
        revisions: the forward passes that one published state dict fits, for `load_public_checkpoint`; the first is the
            default. Empty where the tensors leave no choice.
        output_maps: the names of heat maps that are of the translation, as a discriminator's is; every other map is
            of the input.
    """

    Config: ClassVar[type[MethodConfig]]
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]]
    VARIANTS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    ablation: ClassVar[tuple[str, ...]] = ()
    adaptation: ClassVar[Adaptation | None] = None
    directions: ClassVar[tuple[Direction, ...]] = ("A2B", "B2A")
    style_dim: ClassVar[int] = 0
    revisions: ClassVar[tuple[str, ...]] = ()
    output_maps: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: MethodConfig) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def make_config(
        cls, preset: str = "paper", variant: str | None = None, overrides: Mapping[str, Any] | None = None
    ) -> MethodConfig:
        """The config of preset, then variant, then overrides; values may be text, as from `--set key=value`.

        Raises:
            UnknownName: no such preset, variant or field.
            ConfigError: a value that its field refuses.
        """
        if preset not in cls.PRESETS:
            raise UnknownName("preset", preset, cls.PRESETS)
        if variant is not None and variant not in cls.VARIANTS:
            raise UnknownName("variant", variant, cls.VARIANTS)
        fields = {**cls.PRESETS[preset], **(cls.VARIANTS[variant] if variant else {}), **(overrides or {})}
        for name in fields:
            if name not in cls.Config.model_fields:
                raise UnknownName("config field", name, cls.Config.model_fields)
        try:
            return cls.Config(**fields)
        except ValidationError as error:
            raise ConfigError(f"{first_fault(error)}.") from None

    @abstractmethod
    def groups(self) -> dict[str, Group]:
        """The optimisers' parameters by group name; disjoint, in a fixed order."""

    def draws(self) -> dict[str, Draw]:
        """The randomness that one step consumes, by name."""
        return {}

    @abstractmethod
    def step(self, batch: Batch, phase: Phase) -> None:
        """One training step: losses inside `phase` blocks. No host sync: runs under FakeTensorMode."""

    @abstractmethod
    def inference(self) -> dict[str, nn.Module]:
        """The children that `translate` needs, by their attribute name: what generators.safetensors holds."""

    @abstractmethod
    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        """Translate images (n, 3, size, size) in [-1, 1]; each output depends on its own input alone.

        Called in eval mode, without grad. `style` is (n, style_dim) where style_dim > 0.
        """

    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:  # noqa: ARG002
        """Heat maps (n, 1, h, w), unscaled, by name, the main one first; empty where a method has none.

        Called in eval mode, without grad, with every network loaded.
        """
        return {}

    def feature_maps(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        """The maps of `attention` and, by the same names and in the same order, those of networks built without it.

        Such a network's map is of its plain features at the same place, read alike, so that a variant without
        attention can be measured beside the base. Shapes and calls as in `attention`.
        """
        return self.attention(x, direction)

    def scalars(self) -> dict[str, Tensor]:
        """Scalars worth a curve, by name (`rho/<layer>`); no host sync."""
        return {}

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],  # noqa: ARG003
        revision: str | None = None,  # noqa: ARG003
        direction: Direction | None = None,  # noqa: ARG003
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Config and state dict from a checkpoint that the method's public code wrote.

        The state holds the networks that the files hold, each of them whole.

        Args:
            tensors: the networks' tensors, by the name of the file that holds one network, or by the names that
                one file gives to several.
            revision: one of `revisions`, or what else tells such checkpoints apart; None is the default.
            direction: what a single generator translates; None is A2B. Without meaning where there are two.
        Raises:
            UsageError: the tensors are not of that code; the message names the keys it expected.
        """
        raise UsageError(f"{cls.__module__} reads no published checkpoints.")


def parameters_of(*modules: nn.Module) -> tuple[nn.Parameter, ...]:
    """The parameters of several modules as one tuple, for `Group`."""
    return tuple(parameter for module in modules for parameter in module.parameters())
