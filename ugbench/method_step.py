"""What a training step of a method gets and gives: its batch, its random draws, its parameter groups and its phases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from torch import Tensor, nn

from ugbench.errors import UnknownName, UsageError


@dataclass(frozen=True)
class Batch:
    """The input of one step. It depends on the run's seed and on the number of the step alone.

    Attributes:
        a, b: images of the two domains, (n, 3, height, width) in [-1, 1]. For a method with one direction `a` is the
            source domain, so the domains are exchanged in a run from B to A.
        draws: the random tensors that `Method.draws` defines, by name.
        step: number of steps before this one; 0 in the first step.
        extra: images of the further splits in `Method.splits`, by the split's name, of the same shape and range.
    """

    a: Tensor
    b: Tensor
    draws: Mapping[str, Tensor] = field(default_factory=dict)
    step: int = 0
    extra: Mapping[str, Tensor] = field(default_factory=dict)


DrawKind = Literal["uniform", "normal"]
DrawPer = Literal["sample", "step"]


@dataclass(frozen=True)
class Draw:
    """A random tensor that each step needs. Randomness is an input of the step, never hidden state.

    Attributes:
        kind: "uniform" on [0, 1), or standard "normal".
        shape: the shape of the tensor, without the samples.
        per: "sample" gives a tensor (n, *shape) for a batch of n; "step" gives (*shape).

    Raises:
        UnknownName: there is no such kind, or no such `per`.
        UsageError: the shape is no tuple of whole numbers.
    """

    kind: DrawKind
    shape: tuple[int, ...] = ()
    per: DrawPer = "sample"

    def __post_init__(self) -> None:
        for what, value, known in (("kind of draw", self.kind, DrawKind), ("'per' of a draw", self.per, DrawPer)):
            if value not in get_args(known):
                raise UnknownName(what, value, get_args(known))
        if not (isinstance(self.shape, tuple) and all(isinstance(side, int) for side in self.shape)):
            raise UsageError(f"the shape of a draw is {self.shape!r}; it is a tuple of whole numbers, as in (8,).")

    def shape_for(self, samples: int) -> tuple[int, ...]:
        """The shape of the tensor for a batch of this many samples."""
        return (samples, *self.shape) if self.per == "sample" else self.shape


OptimizerName = Literal["adam", "adamw", "radam", "sgd"]
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)


@dataclass(frozen=True)
class Group:
    """Parameters with one optimizer and its settings. No parameter is in two groups of a method.

    Attributes:
        parameters: the parameters that the phase of this group trains; at least one. Any iterable becomes a tuple.
        lr: learning rate, before the factor of `schedule`.
        betas, eps: of adam, adamw and radam.
        weight_decay: L2 penalty that is added to the gradient; with adamw it is decoupled from the gradient instead
            (Loshchilov and Hutter 2019).
        schedule: the factor on `lr`, from the number of steps that are done.
        clip_norm: largest 2-norm of the group's gradient; a longer gradient is scaled down to it. None: no clipping.
        optimizer: "adam", "adamw", "radam" or "sgd", each as torch.optim defines it.
        momentum: of sgd.

    Raises:
        UnknownName: there is no such optimizer.
        UsageError: the learning rate is negative.
    """

    parameters: tuple[nn.Parameter, ...]
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Callable[[int], float] = lambda _step: 1.0
    clip_norm: float | None = None
    optimizer: OptimizerName = "adam"
    momentum: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))  # it may be given as module.parameters()
        if self.optimizer not in OPTIMIZERS:
            raise UnknownName("optimizer", self.optimizer, OPTIMIZERS)
        if not self.lr >= 0:
            raise UsageError(f"the learning rate of a group is {self.lr}; it is 0 or more.")


class Phase(Protocol):
    """One update within a step: `with phase("discriminators") as loss: loss["real"] = …`.

    Inside the block only the named groups require grad, so that no weight gradients are computed for the others. At
    its end the gradient of the sum of all loss terms updates the named groups, unless the gradient is not finite.
    Each term is a scalar: a mean over samples that is already multiplied by its weight. metrics.jsonl has it under
    the name `<groups joined by +>/<term>`; if a step computes a term several times, it has the last value.

    A step may have any number of phases, of any groups, and may leave phases out (see `Method.period`).

    Networks run in the precision of the run, which may be bfloat16, from the moment that they are called as modules
    (`self.generator(x)`). Their outputs are float32, and so is everything that the step computes from them.
    """

    def __call__(self, *groups: str) -> AbstractContextManager[dict[str, Tensor]]: ...
