"""What a method is: the interface between ugbench and a translator. Read this file first.

A method is a `torch.nn.Module` that contains its networks. It defines which parameters each optimizer trains
(`groups`), which random numbers a step needs (`draws`), what a training step computes (`step`), and how images are
translated (`translate`). The training engine does the rest: backward passes, optimizers, precision, non-finite
losses, checkpoints and resuming. A step reads like the paper:

    def step(self, batch, phase):
        fake_b = self.generator_a2b(batch.a)                 # computed once, used in both phases
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
    """The input of one step. It depends on the run's seed and on the number of the step alone.

    Attributes:
        a, b: images of the two domains, (n, 3, size, size) in [-1, 1]. For a method with one direction `a` is the
            source domain, so the domains are exchanged in a run from B to A.
        draws: the random tensors that `Method.draws` defines, by name.
        step: number of steps before this one; 0 in the first step.
    """

    a: Tensor
    b: Tensor
    draws: Mapping[str, Tensor] = field(default_factory=dict)
    step: int = 0


@dataclass(frozen=True)
class Draw:
    """A random tensor that each step needs. Randomness is an input of the step, never hidden state.

    Attributes:
        kind: "uniform" on [0, 1), or standard "normal".
        shape: the shape of the tensor, without the samples.
        per: "sample" gives a tensor (n, *shape) for a batch of n; "step" gives (*shape).
    """

    kind: Literal["uniform", "normal"]
    shape: tuple[int, ...] = ()
    per: Literal["sample", "step"] = "sample"


@dataclass(frozen=True)
class Group:
    """Parameters with one Adam optimizer and its settings. No parameter is in two groups of a method.

    Attributes:
        parameters: the parameters that the phase of this group trains.
        lr: learning rate, before the factor of `schedule`.
        betas, eps: Adam's.
        weight_decay: L2 penalty that is added to the gradient, as in Adam (not decoupled, as in AdamW).
        schedule: the factor on `lr`, from the number of steps that are done.
        clip_norm: largest 2-norm of the group's gradient; a longer gradient is scaled down to it. None: no clipping.
    """

    parameters: tuple[nn.Parameter, ...]
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Callable[[int], float] = lambda _step: 1.0
    clip_norm: float | None = None


class Phase(Protocol):
    """One update within a step: `with phase("discriminators") as loss: loss["real"] = …`.

    Inside the block only the named groups require grad, so that no weight gradients are computed for the others. At
    its end the gradient of the sum of all loss terms updates the named groups, unless the gradient is not finite.
    Each term is a scalar: a mean over samples that is already multiplied by its weight. metrics.jsonl has it under
    the name `<groups joined by +>/<term>`.
    """

    def __call__(self, *groups: str) -> AbstractContextManager[dict[str, Tensor]]: ...


class MethodConfig(BaseModel):
    """The fields that the config of each method has. A method adds fields of plain types; unknown fields are errors.

    `steps` is null in a preset that counts epochs instead. `resolved` computes it when the number of images is known,
    so that the config of a run always has its number of steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: PositiveInt = Field(256, description="height and width of the images, px")
    batch_size: PositiveInt = Field(1, description="images of each domain per step")
    steps: PositiveInt | None = Field(None, description="training steps; null: computed from `epochs`")
    epochs: PositiveInt | None = Field(None, description="passes over the larger domain; used if steps is null")

    @property
    def known_steps(self) -> int:
        """`steps`, for schedules. Raises ConfigError if it is null."""
        if self.steps is None:
            raise ConfigError("config: steps is not set; give --steps N.")
        return self.steps

    def resolved(self, images_a: int, images_b: int) -> Self:
        """This config with a number of steps. One epoch is as many images as the larger domain has.

        Args:
            images_a, images_b: number of training images of each domain.
        Raises:
            ConfigError: neither `steps` nor `epochs` is set.
        """
        steps = self.steps
        if steps is None:
            if self.epochs is None:
                raise ConfigError("config: neither steps nor epochs is set; give --steps N.")
            steps = max(1, self.epochs * max(images_a, images_b) // self.batch_size)
        return self.model_copy(update={"steps": steps, "epochs": None})


class Method(nn.Module, ABC):
    """A translator between two domains, A and B. Its registered name is that of its module (see ugbench.registry).

    Everything that a step changes is a parameter or a buffer, so that `state_dict` and the states of the optimizers
    are the whole state of a training. `__init__(config)` builds the networks with their initial weights from torch's
    default random generator, which the engine seeds.

    Class attributes:
        title: the display name, for tables and figures. "" means the registered name.
        Config: the class of the config.
        PRESETS: for each preset, the config fields that differ from the defaults. "paper" and "smoke" must exist.
        VARIANTS: for each variant, the config fields that differ from the preset. The base method has no entry.
        ablation: the variants that `ugbench ablate` compares with the base method, as in the paper's ablation. Empty:
            all variants.
        directions: the directions that one trained model translates.
        style_dim: length of the style vector that selects one of many possible outputs; 0 if there is one output.
        revisions: names of the forward passes that fit the same published state dict, for `load_public_checkpoint`.
            The first one is the default. Empty if there is no choice.
        output_maps: the names of those attention maps that are computed on the output (the translation), as those of
            a discriminator are. All other attention maps are computed on the input.
    """

    title: ClassVar[str] = ""

    Config: ClassVar[type[MethodConfig]]
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]]
    VARIANTS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    ablation: ClassVar[tuple[str, ...]] = ()
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
        """The config of a preset, changed by a variant, then by single fields.

        Args:
            overrides: values by field name; they may be text, as from `--set key=value`.
        Raises:
            UnknownName: there is no such preset, variant or field.
            ConfigError: a field cannot have its value.
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
        """The parameter groups by name, in a fixed order. Each parameter is in one group."""

    def draws(self) -> dict[str, Draw]:
        """The random tensors that each step needs, by name."""
        return {}

    @abstractmethod
    def step(self, batch: Batch, phase: Phase) -> None:
        """One training step: it computes losses inside `phase` blocks.

        It must not read the value of a tensor on the host, so that it runs under FakeTensorMode.
        """

    @abstractmethod
    def inference(self) -> dict[str, nn.Module]:
        """The networks that `translate` needs, by attribute name. generators.safetensors stores these."""

    @abstractmethod
    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        """Translate images.

        It is called in eval mode and without grad. Each output depends on its input only, not on the other images.

        Args:
            x: (n, 3, size, size) in [-1, 1].
            direction: one of `directions`.
            style: (n, style_dim) if style_dim > 0, else None.
        Returns:
            Images of the same shape and range.
        """

    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:  # noqa: ARG002
        """Attention maps (n, 1, h, w) of any range, by name, the main one first. Empty if the method has none.

        It is called in eval mode and without grad, with all networks loaded. A run that was imported may lack networks
        that `inference` does not name; they are on the meta device, and their maps are left out. See also
        `output_maps`.

        Args:
            x: images (n, 3, size, size) in [-1, 1].
        """
        return {}

    def feature_maps(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:
        """The maps of `attention`, and a comparable map for each network that a variant builds without attention.

        A comparable map is computed in the same way from the features that would have been reweighted. So a variant
        without attention can be measured like the base method. Names, order, shapes and arguments are those of
        `attention`.
        """
        return self.attention(x, direction)

    def scalars(self) -> dict[str, Tensor]:
        """Scalar tensors that training logs, by name, such as `rho/<layer>`. Computing them needs no host sync."""
        return {}

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],  # noqa: ARG003
        revision: str | None = None,  # noqa: ARG003
        direction: Direction | None = None,  # noqa: ARG003
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Config and state dict from a checkpoint that the public code of the method wrote.

        The state dict has all tensors of each network that the files contain.

        Args:
            tensors: the content of the files: a dict from file names to networks if each file holds one network, or
                the dict of one file that holds several.
            revision: one of `revisions`, or another name that selects one of several checkpoints; None is the default.
            direction: what a single generator translates; None is A2B. Ignored if there are two generators.
        Raises:
            UsageError: the tensors are not of that code; the message names the keys that were expected.
        """
        raise UsageError(f"{cls.__module__} reads no published checkpoints.")


def parameters_of(*modules: nn.Module) -> tuple[nn.Parameter, ...]:
    """The parameters of several modules as one tuple, for `Group`."""
    return tuple(parameter for module in modules for parameter in module.parameters())
