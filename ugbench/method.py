"""What a method is: the interface between ugbench and a translator. Read this file first.

A method is a `torch.nn.Module` that contains its networks. It defines which parameters each optimizer trains
(`groups`), which random numbers a step needs (`draws`), what a training step computes (`step`), and how images are
translated (`translate`). The training engine does the rest: backward passes, optimizers, precision, non-finite
losses, checkpoints and resuming. What most methods do not need has a default: other optimizers (`Group.optimizer`),
networks with given weights (`frozen`), copies that follow a network (see `groups`), phases that not every step has
(`period`), further images (`splits`, `paired`) and several outputs for one image (`style_dim`). A step reads like the
paper:

    def step(self, batch, phase):
        fake_b = self.generator_a2b(batch.a)                 # computed once, used in both phases
        with phase("discriminators") as loss:                # only this group requires grad here
            loss["real_b"] = least_squares(self.discriminator_b(batch.b), 1.0)
            loss["fake_b"] = least_squares(self.discriminator_b(fake_b.detach()), 0.0)
        with phase("generators") as loss:                    # leaving a phase updates its groups
            loss["adversarial_b"] = least_squares(self.discriminator_b(fake_b), 1.0)

Images are float tensors (n, 3, height, width) in [-1, 1], RGB; their height and width are the config's `image_shape`.
What a step gets and gives (`Batch`, `Draw`, `Group`, `Phase`) is defined in method_step.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ValidationError
from torch import Tensor, nn

from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import ConfigError, UnknownName, UsageError, first_fault
from ugbench.image_size import Size, size_text, width_and_height
from ugbench.method_config import SMALL, MethodConfig, sides
from ugbench.method_step import OPTIMIZERS, Batch, Draw, Group, OptimizerName, Phase

__all__ = [
    "DIRECTIONS",
    "OPTIMIZERS",
    "SMALL",
    "Batch",
    "ConfigError",
    "Direction",
    "Draw",
    "Group",
    "Method",
    "MethodConfig",
    "OptimizerName",
    "Phase",
    "Size",
    "UnknownName",
    "UsageError",
    "parameters_of",
    "sides",
    "size_text",
    "width_and_height",
]


class Method(nn.Module, ABC):
    """A translator between two domains, A and B. Its registered name is that of its module (see ugbench.registry).

    Everything that a step changes is a parameter or a buffer, so that `state_dict` and the states of the optimizers
    are the whole state of a training. `__init__(config)` builds the networks with their initial weights from torch's
    default random generator, which the engine seeds; it seeds that generator for each step too, for layers such as
    dropout. Networks whose weights are given (`frozen`) are no part of `state_dict`.

    Class attributes:
        title: the display name, for tables. "" means the registered name. Tables read it from the source text, so it
            is written out as text.
        variant_titles: the display names of variants, written out as well: {"no-cam": "U-GAT-IT w/o CAM"}. A table of
            one method's variants leaves out the method's title before them ("w/o CAM"). A variant without one has the
            method's title and its own name.
        Config: the class of the config.
        PRESETS: for each preset, the config fields that differ from the defaults. "paper" and "smoke" must exist.
        VARIANTS: for each variant, the config fields that differ from the preset. The base method has no entry.
        ablation: the variants that `ugbench ablate` compares with the base method, as in the paper's ablation. Empty:
            all variants.
        directions: the directions that one trained model translates.
        style_dim: length of the style vector that selects one of many possible outputs; 0 if there is one output.
            Styles are drawn from the standard normal distribution, one for each image.
        period: the number of steps after which the phases of a step repeat, if a step chooses its phases by
            `batch.step % period`. Times and FLOPs per step are means over a period, and a line of metrics.jsonl has the
            last value of each term within a period.
        paired: whether images of A and B with equal stems are pairs. A step then gets pairs, cropped and mirrored
            alike; so are the images of `splits`.
        splits: further folders of training images beside trainA and trainB, by name; see `Batch.extra`. In a run from
            B to A, a name that ends with A or B reads the folder of the other domain: `edgesB` reads edgesA.
        frozen: networks that are never trained, such as a VGG for a feature loss: the attribute name of each, with the
            name by which `--weights NAME=FILE` gives its weights. The weights are loaded before the first step. They
            are stored in no checkpoint, and the run's id depends on them. A network that this config does not build
            needs no weights.
        optional_weights: names for `--weights` in `frozen` that no preset and no variant needs, but a config field may;
            `ugbench methods` does not list them as needed.
        revisions: names of the forward passes that fit the same published state dict, for `load_public_checkpoint`.
            The first one is the default. Empty if there is no choice.
        output_maps: the names of those attention maps that are computed on the output (the translation), as those of
            a discriminator are. All other attention maps are computed on the input.
    """

    title: ClassVar[str] = ""
    variant_titles: ClassVar[Mapping[str, str]] = {}

    Config: ClassVar[type[MethodConfig]]
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]]
    VARIANTS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    ablation: ClassVar[tuple[str, ...]] = ()
    directions: ClassVar[tuple[Direction, ...]] = ("A2B", "B2A")
    style_dim: ClassVar[int] = 0
    period: ClassVar[int] = 1
    paired: ClassVar[bool] = False
    splits: ClassVar[tuple[str, ...]] = ()
    frozen: ClassVar[Mapping[str, str]] = {}
    optional_weights: ClassVar[tuple[str, ...]] = ()
    revisions: ClassVar[tuple[str, ...]] = ()
    output_maps: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: MethodConfig) -> None:
        super().__init__()
        self.config = config
        self.register_state_dict_post_hook(_leave_out_frozen)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_post_hook(_expect_no_frozen)  # type: ignore[no-untyped-call]

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a network in `frozen` requires no gradients from then on, and is in eval mode."""
        if name in self.frozen and isinstance(value, nn.Module):
            value.requires_grad_(False).eval()
        super().__setattr__(name, value)

    def train(self, mode: bool = True) -> Self:
        """Set training mode, or eval mode; frozen networks stay in eval mode."""
        super().train(mode)
        for network in self.frozen_networks().values():
            network.eval()
        return self

    def frozen_networks(self) -> dict[str, nn.Module]:
        """Those of the networks in `frozen` that this config builds, by attribute name."""
        return {name: network for name, network in self.named_children() if name in self.frozen}

    def frozen_state(self) -> dict[str, Tensor]:
        """The tensors of the frozen networks, which `state_dict` lacks, by their names in the method."""
        networks = self.frozen_networks().items()
        return {f"{name}.{key}": tensor for name, network in networks for key, tensor in network.state_dict().items()}

    @classmethod
    def make_config(
        cls, preset: str = "paper", variant: str | None = None, overrides: Mapping[str, Any] | None = None
    ) -> MethodConfig:
        """The config of a preset, changed by a variant, then by single fields.

        Args:
            overrides: values by field name; they may be text, as from `--set key=value`, and `null` is then None for a
                field that may be None.
        Raises:
            UnknownName: there is no such preset, variant or field.
            ConfigError: a field cannot have its value.
        """
        if preset not in cls.PRESETS:
            raise UnknownName("preset", preset, cls.PRESETS)
        if variant is not None and variant not in cls.VARIANTS:
            raise UnknownName("variant", variant, cls.VARIANTS)
        overrides = {
            name: None if value == "null" and cls.Config.may_be_null(name) else value
            for name, value in (overrides or {}).items()
        }
        fields = {**cls.PRESETS[preset], **(cls.VARIANTS[variant] if variant else {}), **overrides}
        if overrides.get("epochs") is not None:
            if overrides.get("steps") is not None:
                raise ConfigError(
                    f"steps is {overrides['steps']} and epochs is {overrides['epochs']}; give one of them."
                )
            fields["steps"] = None  # otherwise the preset's number of steps would be used
        for name in fields:
            if name not in cls.Config.model_fields:
                raise UnknownName("config field", name, cls.Config.model_fields)
        try:
            return cls.Config(**fields)
        except ValidationError as error:
            raise ConfigError(f"{first_fault(error)}.") from None

    @abstractmethod
    def groups(self) -> dict[str, Group]:
        """The parameter groups by name, in a fixed order. Each parameter that requires grad is in one group.

        A parameter that requires no grad is in no group. It is state like a buffer: only the step itself changes it,
        under `torch.no_grad()`. So a moving average of a network is a copy of it whose parameters require no grad.
        """

    def draws(self) -> dict[str, Draw]:
        """The random tensors that each step needs, by name."""
        return {}

    @abstractmethod
    def step(self, batch: Batch, phase: Phase) -> None:
        """One training step: it computes losses inside `phase` blocks.

        It must not read the value of a tensor on the host, so that it runs under FakeTensorMode. Which phases it has
        may depend on `batch.step`.
        """

    @abstractmethod
    def inference(self) -> dict[str, nn.Module]:
        """The networks that `translate` and `encode_style` need, by attribute name. Some may be `frozen`.

        generators.safetensors stores these.
        """

    @abstractmethod
    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        """Translate images.

        It is called in eval mode and without grad. Each output depends on its input only, not on the other images.

        Args:
            x: (n, 3, height, width) in [-1, 1].
            direction: one of `directions`.
            style: (n, style_dim) if style_dim > 0, else None.
        Returns:
            Images of the same shape and range.
        """

    def encode_style(self, x: Tensor, direction: Direction) -> Tensor:  # noqa: ARG002
        """The styles of example images, for `translate` in this direction.

        It is called in eval mode and without grad.

        Args:
            x: images of the target domain of the direction, (n, 3, height, width) in [-1, 1].
        Returns:
            (n, style_dim).
        Raises:
            UsageError: the method cannot take the style of an image.
        """
        raise UsageError(f"{self.title or type(self).__name__} cannot take the style of an image.")

    def attention(self, x: Tensor, direction: Direction) -> dict[str, Tensor]:  # noqa: ARG002
        """Attention maps (n, 1, h, w) of any range, by name, the main one first. Empty if the method has none.

        It is called in eval mode and without grad, with all networks loaded. A run that was imported may lack networks
        that `inference` does not name; they are on the meta device, and their maps are left out. See also
        `output_maps`.

        Args:
            x: images (n, 3, height, width) in [-1, 1].
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
        """Scalar tensors that training logs, by name, such as `rho/<layer>`. Computing them must need no host sync."""
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


def _leave_out_frozen(method: nn.Module, state: dict[str, Any], prefix: str, _metadata: dict[str, Any]) -> None:
    """Remove the tensors of frozen networks from a state dict of the method."""
    assert isinstance(method, Method)
    for key in [key for key in state if key.removeprefix(prefix).split(".")[0] in method.frozen]:
        del state[key]


def _expect_no_frozen(method: nn.Module, keys: Any) -> None:
    """Let `load_state_dict` accept a state dict without the tensors of frozen networks."""
    assert isinstance(method, Method)
    keys.missing_keys[:] = [key for key in keys.missing_keys if key.split(".")[0] not in method.frozen]


def parameters_of(*modules: nn.Module) -> tuple[nn.Parameter, ...]:
    """The parameters of several modules as one tuple, for `Group`."""
    return tuple(parameter for module in modules for parameter in module.parameters())
