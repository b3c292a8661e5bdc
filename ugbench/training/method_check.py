"""Checks of a method before its run is made, so that a method that cannot be trained leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)

from ugbench import registry
from ugbench.direction import Direction
from ugbench.errors import UgbenchError, UsageError
from ugbench.image_size import size_text
from ugbench.method import Method, MethodConfig
from ugbench.training.hidden_state import first_change, snapshot
from ugbench.training.method_lines import line_of
from ugbench.training.optimizers import GroupOptimizer
from ugbench.training.shapes import on_shapes, train_on_shapes


def check_method(name: str, config: MethodConfig) -> tuple[str, ...]:
    """Check from shapes alone that a method can be trained and translate: nothing is computed.

    What was checked in this process, as for another seed of a study, is not checked again.

    Args:
        name: the method's registered name.
    Returns:
        One sentence about what keeps a resumed training of the method from being exact; empty if nothing does.
    Raises:
        UgbenchError: its groups, the phases of a step, the networks for inference, or the shape of a translation or a
            style break the rules of the interface, or a step reads the value of a tensor or fails. The message names
            the line of the method where there is one.
    """
    return _check(registry.load_method(name), name, config.model_dump_json())


@lru_cache(maxsize=32)
def _check(method_class: type[Method], name: str, fields: str) -> tuple[str, ...]:
    config = method_class.Config.model_validate_json(fields)
    try:
        with on_shapes(name, config) as (method, optimizers):
            _check_plain_tensors(method)
            changed = _check_steps(method, optimizers)
            _check_inference(method)
    except UgbenchError:
        raise
    except (DataDependentOutputException, DynamicOutputShapeException) as error:
        raise UgbenchError(
            f"{line_of(error)}: {name} reads the value of a tensor there; compute with tensors alone, as in "
            "torch.where, so that a step never waits for the device."
        ) from None
    except (UnsupportedOperatorException, UnsupportedFakeTensorException):
        return ()  # torch knows no shapes of an operator of the method; training itself shows whether it works
    except Exception as error:  # of any type: the module of a method may come from anybody
        line, text = line_of(error), str(error).strip()
        if isinstance(error, RuntimeError) and "meta tensor" in text:
            raise UgbenchError(
                f"{line}: {name} reads the value of a tensor while it is built; compute with numbers, because networks "
                "are also built on the meta device, without values."
            ) from None
        if line is None:
            raise
        reason = ": ".join([type(error).__name__, *text.splitlines()[:1]]).rstrip(".")
        where, fix = "there", "correct it"
        if not isinstance(config.size, int):
            where = f"there with images of {size_text(config.size)} px"
            fix = "train with squares, or correct it: a method that takes squares only has `size: int` in its config"
        raise UgbenchError(f"{line}: {name} fails {where} ({reason}); {fix}.") from error
    if changed is None:
        return ()
    return (
        f"a training step of {name} changes {changed}, which no checkpoint has: where later steps depend on it, a "
        "training that is interrupted ends differently; use a persistent buffer, `batch.step` or `draws()`.",
    )


def _check_plain_tensors(method: Method) -> None:
    for name, module in method.named_modules():
        for key, value in vars(module).items():
            if isinstance(value, torch.Tensor):
                path = ".".join(filter(None, (name, key)))
                raise UgbenchError(
                    f"the method's attribute {path} is a plain tensor; make it a buffer (register_buffer), so that it "
                    "moves to the device with the networks."
                )


def _check_steps(method: Method, optimizers: Mapping[str, GroupOptimizer]) -> str | None:
    """Train on shapes; returns the name of something that each period changes and no checkpoint has."""
    changed = None
    before = snapshot(method)
    train_on_shapes(method, optimizers)
    after = snapshot(method)
    if first_change(before, after):
        # What the first steps set up and later steps do not change is no state.
        train_on_shapes(method, optimizers)
        changed = first_change(after, snapshot(method))
    for name, tensor in method.state_dict(keep_vars=True).items():
        if tensor.grad_fn is not None:
            raise UgbenchError(
                f"a training step changes {name} outside of torch.no_grad(), so that it keeps the graph of every step; "
                "change it in a `with torch.no_grad():` block, or by what was detached."
            )
    return changed


def _check_inference(method: Method) -> None:
    children = dict(method.named_children())
    named = method.inference()
    if not isinstance(named, dict):
        raise UgbenchError(f"inference() of the method gives a {type(named).__name__}; it gives a dict of networks.")
    for name, network in named.items():
        if children.get(name) is not network:
            raise UgbenchError(f"inference() of the method names {name}, which is not its attribute of that name.")
    for name in children.keys() - named.keys():
        _refuse_calls(children[name], name)
    x = torch.zeros(1, 3, *method.config.image_shape)
    style = torch.zeros(1, method.style_dim) if method.style_dim else None
    method.eval()
    for direction in method.directions:
        with torch.no_grad():
            y = method.translate(x, direction, style)
        if not isinstance(y, torch.Tensor):
            raise UgbenchError(f"translate({direction}) of the method gives a {type(y).__name__}; it gives a tensor.")
        if y.shape != x.shape:
            raise UgbenchError(
                f"translate({direction}) of the method makes {tuple(y.shape)} of {tuple(x.shape)}; both shapes must be "
                "equal."
            )
        _check_style(method, x, direction)


def _refuse_calls(network: nn.Module, name: str) -> None:
    """Raise UgbenchError when a network, or a part of it, is called."""

    def refuse(_module: nn.Module, _arguments: object) -> None:
        raise UgbenchError(f"translation calls {name}, which inference() of the method does not name; add it there.")

    for module in network.modules():
        module.register_forward_pre_hook(refuse)


def _check_style(method: Method, x: torch.Tensor, direction: Direction) -> None:
    try:
        with torch.no_grad():
            style = method.encode_style(x, direction)
    except UsageError:
        return  # not every method can take the style of an image
    if style.shape != (len(x), method.style_dim):
        raise UgbenchError(
            f"encode_style({direction}) of the method makes {tuple(style.shape)} of {tuple(x.shape)}; it must be "
            f"{(len(x), method.style_dim)}, with style_dim {method.style_dim}."
        )
