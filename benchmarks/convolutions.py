"""What share of a training step are its convolutions, and how long do these take alone? (step.py --profile)

The convolutions alone are those of the step in its plainest form: each layer that upsamples and convolves at once
(`UpsampleConv2d`) is taken as the upsampling and the 3x3 convolution that it stands for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from measuring import timed
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from ugbench.device import Precision
from ugbench.method import MethodConfig
from ugbench.nn.padding import reflect_pad
from ugbench.nn.upsampling import UpsampleConv2d
from ugbench.training.shapes import on_shapes, train_on_shapes

# The first kind that has a word in the name of an operation is its kind.
KINDS = {
    "convolutions": ("conv",),
    "padding": ("_pad", "_Pad"),
    "upsampling": ("upsample",),
    "optimizer": ("adam", "Adam", "vector_norm"),
    "norms": ("group_norm", "addcmul", "Moments", "ChannelAffine"),
    "matrix products": ("aten::mm", "aten::mv", "addmv", "addmm", "aten::dot"),
    "copies, fills and casts": ("copy", "fill", "zero", "aten::cat", "stack", "aten::to", "clone", "contiguous"),
    "elementwise and sums": ("aten::",),
}
OTHER = "autograd and Python"


class Recorder(TorchDispatchMode):
    """Counts the convolutions that run inside, forward and backward, by their arguments as `described`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: Counter[Any] = Counter()

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default):
            self.calls[func, tuple(map(described, args))] += 1
        return func(*args, **(kwargs or {}))


def described(argument: Any) -> Any:
    """The shape, strides and type of a tensor; a list as a tuple; anything else as it is."""
    if isinstance(argument, Tensor):
        return ("tensor", tuple(argument.shape), argument.stride(), argument.dtype)
    return tuple(argument) if isinstance(argument, list) else argument


def made(argument: Any, device: torch.device) -> Any:
    """The inverse of `described`, with random numbers in tensors."""
    if isinstance(argument, tuple) and argument[:1] == ("tensor",):
        _, shape, strides, dtype = argument
        return torch.empty_strided(shape, strides, dtype=dtype, device=device).normal_()
    return list(argument) if isinstance(argument, tuple) else argument


def upsample_plainly(network: nn.Module) -> None:
    """From now on, UpsampleConv2d layers do their operations one after the other."""

    def forward(layer: UpsampleConv2d, x: Tensor) -> Tensor:
        return F.conv2d(reflect_pad(F.interpolate(x, scale_factor=2, mode="nearest"), 1), layer.weight, layer.bias)

    for layer in network.modules():
        if isinstance(layer, UpsampleConv2d):
            layer.forward = partial(forward, layer)  # type: ignore[method-assign]


def record(method: str, config: MethodConfig, precision: Precision) -> Counter[Any]:
    """The convolutions of a training step in its plainest form, with how often each runs; nothing is computed."""
    with on_shapes(method, config, precision) as (built, optimizers):
        upsample_plainly(built)
        recorder = Recorder()
        with recorder:
            train_on_shapes(built, optimizers)
    return recorder.calls


def seconds_alone(calls: Counter[Any], device: torch.device) -> dict[str, float]:
    """Wall and processor time of convolutions on random tensors, without making these."""
    total: dict[str, float] = defaultdict(float)
    for (func, described_arguments), count in calls.items():
        arguments = [made(argument, device) for argument in described_arguments]

        def run(func: Any = func, arguments: list[Any] = arguments, count: int = count) -> None:
            for _ in range(count):
                func(*arguments)
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        for clock, seconds in timed(run)[1].items():
            total[clock] += seconds
    return dict(total)


def shares(step: Callable[[], None]) -> dict[str, float]:
    """The share of each kind of operation in the processor time of a step, in percent."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        step()
    times: dict[str, float] = dict.fromkeys([*KINDS, OTHER], 0.0)
    for event in profiler.key_averages():
        times[kind_of(event.key)] += event.self_cpu_time_total
    total = sum(times.values())
    return {kind: 100 * time / total for kind, time in times.items()}


def kind_of(operation: str) -> str:
    """The kind of an operation, by its name in a profile."""
    if "evaluate_function" in operation:
        return "autograd and Python"
    return next(
        (kind for kind, words in KINDS.items() if any(map(operation.__contains__, words))), "autograd and Python"
    )
