"""Compiles the networks of a method with torch.compile; the step around them stays as it is.

PyTorch makes one graph for each kind of call: for the shapes of the inputs, and for what requires gradients. A phase
lets only the parameters of its groups require them (ugbench.training.step). So a discriminator has one graph for its
own phase, and another one, without the gradients of its weights, for the phase of the generators. In fp32 networks of
one class share graphs. After each phase has been computed once, no further graph is made.

What a step calls without calling a whole network, such as a part of one, runs as it is. So does everything outside a
training step: samples, scores and exports.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ugbench.errors import UgbenchError, UsageError
from ugbench.method import Method, MethodConfig
from ugbench.nn.across_ranks import SpansBatch
from ugbench.nn.factored_linear import FactoredLinear
from ugbench.training.execution import Execution
from ugbench.training.network_precision import networks

GRAPHS = 256
"""The most graphs of one function. PyTorch gives up after 8, and a method may have more kinds of calls."""


class CompiledNetworks:
    """The networks of a method; within `in_use` they compute compiled, elsewhere as before.

    Args:
        backend: that of torch.compile.
        keeps_graphs: a backward pass may be done twice, as it is with a loss scale.
    """

    def __init__(self, method: Method, backend: str = "inductor", keeps_graphs: bool = False) -> None:
        self._is_in_use, self._backend, self._keeps_graphs = False, backend, keeps_graphs
        for network in networks(method, levels=1):
            if next(network.parameters(), None) is not None:
                self._compile(network)

    def _compile(self, network: nn.Module) -> None:
        for part in network.modules():
            # The backward pass of a FactoredLinear hands over factors in place of a gradient, and a SpansBatch waits
            # for other ranks; no graph can do either.
            waits = isinstance(part, SpansBatch) and part.ranks.count > 1
            if isinstance(part, FactoredLinear) or waits:
                part.forward = torch.compiler.disable(part.forward)
        eager: Callable[..., Any] = network.forward
        # Random draws, such as those of dropout, equal those of the eager network.
        options = {"fallback_random": True} if self._backend == "inductor" else None
        compiled = torch.compile(eager, dynamic=False, backend=self._backend, options=options)  # type: ignore[arg-type]

        def forward(*arguments: Any, **named: Any) -> Any:
            return (compiled if self._is_in_use else eager)(*arguments, **named)

        network.forward = forward

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Compute compiled within the `with` block, which holds forward and backward passes.

        Raises:
            UgbenchError: the compiler fails.
        """
        import torch._dynamo
        import torch._functorch.config

        limits = torch._dynamo.config.patch(recompile_limit=GRAPHS, accumulated_recompile_limit=GRAPHS)
        # Otherwise a compiled backward pass writes over what a second one needs.
        kept = torch._functorch.config.patch(donated_buffer=not self._keeps_graphs)
        self._is_in_use = True
        try:
            with limits, kept:
                yield
        except (RuntimeError, AssertionError) as error:
            if not _is_of_compiler(error):
                raise
            raise UgbenchError(
                f"compile: the networks cannot be compiled ({_first_line(error)}); train with --compile off."
            ) from None
        finally:
            self._is_in_use = False


def check(execution: Execution, config: MethodConfig, device: torch.device) -> None:
    """Check that networks can be compiled, if that is asked for.

    Raises:
        UsageError: they cannot.
    """
    if execution.compiles and (reason := _hindrance(config, device)) is not None:
        raise UsageError(f"compile on: {reason}; use --compile off.")


def _hindrance(config: MethodConfig, device: torch.device) -> str | None:
    """Why the networks cannot be compiled; None if they can."""
    if config.checkpoint_activations:
        return "with checkpoint_activations=true blocks are computed again, which compiled networks cannot do"
    return _missing_compiler(device)


def _missing_compiler(device: torch.device) -> str | None:
    """Which compiler PyTorch needs for a device and does not find; None if it has all."""
    # Imported here, because the compiler takes seconds to import.
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler
    from torch.utils._triton import has_triton

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return "PyTorch finds no C++ compiler (g++, or the one that the variable CXX names)"
    if device.type == "cuda" and not has_triton():
        return "PyTorch finds no Triton, which compiles for GPUs"
    return None


def _is_of_compiler(error: Exception) -> bool:
    """Whether an error comes from torch.compile, or from code that it generated, and not from what is computed."""
    modules = [kind.__module__ for kind in type(error).__mro__]
    # Generated code checks its inputs, and what it calls, by functions of the compiler that raise an AssertionError.
    frames = list(traceback.walk_tb(error.__traceback__))
    if isinstance(error, AssertionError) and frames:
        modules.append(str(frames[-1][0].f_globals.get("__name__")))
    return any(name.startswith(("torch._dynamo", "torch._inductor")) for name in modules) or (
        "aot_autograd does not currently support double backward" in str(error)
    )


def _first_line(error: Exception) -> str:
    """The first line of what the compiler, or one of its parts, has to say."""
    error = getattr(error, "inner_exception", error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
