"""What the sections of gpu.py share: the settings, a method that trains on drawn images, and comparisons of tensors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ugbench import registry
from ugbench.data.seeding import generator_for
from ugbench.device import Precision
from ugbench.method import Batch, Method, MethodConfig
from ugbench.training.bench import peak_memory
from ugbench.training.optimizers import state_tensors
from ugbench.training.read_ahead import ReadAhead
from ugbench.training.ready import made_ready, random_batches
from ugbench.training.step import Phases, train_step

IMAGES = 8
"""Drawn images of each domain."""
NAMED = 5
"""The most tensors that a row names."""


@dataclass(frozen=True)
class Settings:
    """What is measured, and where.

    Attributes:
        quick: a rehearsal at the smallest sizes.
        methods: registered names.
        weights: files of extractors by name; `random` needs none.
        seconds: that are left for the case.
    """

    device: torch.device
    quick: bool
    methods: tuple[str, ...]
    weights: Mapping[str, Path] = field(default_factory=dict)
    seconds: float = 60.0

    @property
    def cuda(self) -> bool:
        """Whether the device is an NVIDIA GPU."""
        return self.device.type == "cuda"

    def forget_peak(self) -> None:
        """Begin a new peak of memory."""
        if self.cuda:
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> int | None:
        """The peak of memory since `forget_peak`, in bytes; None on a CPU, where a process has one peak for all."""
        return peak_memory(self.device) if self.cuda else None

    def small(self, method: str) -> MethodConfig:
        """A small config, for checks of numbers; in a rehearsal the smallest."""
        fields = {"size": 32, "batch_size": 1} if self.quick else {"size": 64, "batch_size": 2}
        return config_of(method, "smoke", fields)

    def large(self, method: str, preset: str = "paper") -> MethodConfig:
        """The paper's sizes at 256 px with one image per domain, for speed and memory; in a rehearsal `small`."""
        if self.quick:
            return self.small(method)
        return config_of(method, preset, {"size": 256, "batch_size": 1})


def config_of(method: str, preset: str, fields: Mapping[str, Any]) -> MethodConfig:
    """The config of a method's preset with other values of some fields."""
    return registry.load_method(method).make_config(preset, None, dict(fields)).resolved(1000, 1000)


@dataclass(frozen=True)
class Section:
    """A part of gpu.py. Its cases run one after the other, each prints a line, and an error ends only its case.

    Attributes:
        share: of the time that all sections share.
        cases: the arguments of each case.
        run: takes the settings and the arguments of a case, and returns what it measured.
        needs_gpu: without an NVIDIA GPU its cases are skipped.
    """

    name: str
    share: float
    cases: Callable[[Settings], Sequence[dict[str, Any]]]
    run: Callable[..., dict[str, Any]]
    needs_gpu: bool = False


def each_method(settings: Settings) -> list[dict[str, Any]]:
    """A case per method."""
    return [{"method": method} for method in settings.methods]


@dataclass
class Training:
    """A method that trains on drawn images without a run, as the training loop does.

    Attributes:
        batches: prepared ahead, for consecutive steps.
        batch_at: makes the batch of any step when it is called.
        compute: trains the step of a batch.
        step: number of steps done.
    """

    method: Method
    phases: Phases
    batches: ReadAhead
    batch_at: Callable[[int], Batch]
    compute: Callable[[Batch], None]
    step: int = 0

    def advance(self, batch: Batch | None = None) -> None:
        """Train a step on its own batch, or on another one."""
        self.method.train()
        torch.manual_seed(generator_for(0, "torch", self.step).initial_seed())
        self.compute(self.batches.at(self.step) if batch is None else batch)
        self.step += 1

    def losses(self) -> dict[str, float]:
        """The losses of the last step; waits for the device."""
        return {name: float(value) for name, value in self.phases.losses.items()}

    def parameters(self) -> dict[str, Tensor]:
        """Copies of all parameters on the CPU, by name."""
        return {name: parameter.detach().cpu().clone() for name, parameter in self.method.named_parameters()}

    def optimizer_state(self) -> dict[str, Tensor]:
        """Copies of the state of the optimizers on the CPU, by `<group>/<parameter>/<name>`."""
        return {name: tensor.cpu().clone() for name, tensor in state_tensors(self.phases.optimizers).items()}


@contextmanager
def training(
    name: str, config: MethodConfig, device: torch.device, precision: Precision = "fp32"
) -> Iterator[Training]:
    """A method with new weights, which are the same on each device, ready for its first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        method = registry.load_method(name)(config)
    phases = made_ready(method.train(), device, precision)
    batches = random_batches(method, device, IMAGES)
    with closing(ReadAhead(batches)) as ahead:
        yield Training(method, phases, ahead, batches.at, partial(train_step, method, phases))


def differing(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> list[str]:
    """The names of the tensors that are not equal in every bit."""
    return [name for name, tensor in first.items() if not same_bits(tensor, second[name])]


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors of one shape and type have the same bytes; a NaN equals itself."""
    ours, theirs = (tensor.contiguous().flatten().view(torch.uint8) for tensor in (first, second))
    return ours.equal(theirs)


def compared(names: Sequence[str]) -> dict[str, Any]:
    """What a row says of tensors that should be equal: whether they are, how many are not, and some of their names."""
    return {"equal": not names, "tensors_that_differ": len(names), "some_of_them": list(names[:NAMED])}
