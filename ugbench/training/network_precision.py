"""Runs the networks of a method in bfloat16 or float16, and what a step computes from their outputs in float32.

A network, or a direct part of one, runs under autocast from the moment that it is called as a module. When it returns,
its outputs become float32. So losses have the precision of float32, and the method does nothing for it. What a step
computes without calling a module, or by calling single layers of a part, runs in float32: slower, but not less exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ugbench.device import Precision, autocast
from ugbench.nn.block import Block
from ugbench.nn.moments import upcast

PARTS = 2  # levels of modules that are watched: networks, and the parts of each


@dataclass
class _Calls:
    """How many watched modules are being called now, one inside the other, and the autocast of the outermost."""

    depth: int = 0
    context: AbstractContextManager[object] | None = None


def run_networks_in(method: nn.Module, precision: Precision, device: torch.device) -> None:
    """From now on, run the networks of a method in this precision; for fp32 nothing changes."""
    if precision == "fp32":
        return
    calls = _Calls()

    def enter(_module: nn.Module, _arguments: object) -> None:
        if torch.compiler.is_compiling():  # within a network, which has entered already
            return
        calls.depth += 1
        if calls.depth == 1:
            calls.context = autocast(precision, device)
            calls.context.__enter__()

    def leave(_module: nn.Module, _arguments: object, output: Any) -> Any:
        if torch.compiler.is_compiling():
            return None
        calls.depth -= 1
        if calls.depth or calls.context is None:
            return None
        calls.context.__exit__(None, None, None)
        calls.context = None
        return upcast_all(output)

    for network in networks(method, PARTS):
        network.register_forward_pre_hook(enter)
        network.register_forward_hook(leave, always_call=True)


def upcast_all(value: Any) -> Any:
    """The value with each bfloat16 or float16 tensor in it as float32: in tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        return upcast(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a named tuple
        return type(value)(*map(upcast_all, value))
    if isinstance(value, tuple | list):
        return type(value)(map(upcast_all, value))
    if isinstance(value, dict):
        return {key: upcast_all(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: upcast_all(getattr(value, field.name)) for field in fields(value)})
    return value


def networks(module: nn.Module, levels: int) -> Iterator[nn.Module]:
    """The modules down to a number of levels; one that cannot be called, such as a list, is no level of its own.

    The parts of a block are left out. Only the block calls them, and it may do so again in the backward pass.
    """
    for child in module.children():
        if type(child).forward is nn.Module.forward:
            yield from networks(child, levels)
        else:
            yield child
            if levels > 1 and not isinstance(child, Block):
                yield from networks(child, levels - 1)
