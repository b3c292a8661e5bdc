"""Loads the method of a run and translates images with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from ugbench import registry
from ugbench.arithmetic import exact_float32
from ugbench.data.styles import draw_styles
from ugbench.data.tensors import to_float, to_uint8
from ugbench.device import Precision, autocast
from ugbench.direction import Direction
from ugbench.errors import RunError, UgbenchError, UsageError
from ugbench.method import Method
from ugbench.nn.state_dicts import first_not_finite
from ugbench.runs import checkpoint
from ugbench.runs.run import Run


def load(run: Run, device: torch.device, step: int | None = None, all_networks: bool = False) -> tuple[Method, int]:
    """The method of a run in eval mode, and the number of steps that its weights were trained for.

    Args:
        step: of a stored checkpoint; None is the last one.
        all_networks: load every network, which attention maps need; otherwise only the networks that translation
            needs are loaded, and the others take no memory.
    Raises:
        RunError: nothing was saved yet, there is no such checkpoint, or a file is damaged or holds NaN.
    """
    config = run.config.method_config()
    with torch.device("meta"):
        method = registry.load_method(run.config.method)(config)
    if step is None and not all_networks:
        tensors, trained_steps = _read_last_generators(run)
    else:
        tensors, trained_steps = _read_checkpoint(run, step)
    tensors = _with_frozen(run, method, tensors)
    state = tensors if all_networks else checkpoint.inference_tensors(method, tensors)
    if fault := first_not_finite(state):
        raise RunError(f"{run.path}: of its weights at step {trained_steps}, {fault}; use another run or checkpoint.")
    try:
        _, unexpected = method.load_state_dict(state, strict=False, assign=True)
    except RuntimeError as error:  # a tensor has another shape
        reason = str(error).strip().splitlines()[-1].strip().rstrip(".")
        raise RunError(f"{run.path}: the saved weights do not fit its config ({reason}); make it again.") from None
    expected = checkpoint.inference_state(method).keys() | (method.state_dict().keys() if all_networks else set())
    if run.config.origin is not None:
        # The files of an imported checkpoint may lack the discriminators, or the networks of one direction.
        given = {name.split(".")[0] for name in state}
        expected = {name for name in expected if name.split(".")[0] in given}
    if differing := sorted({*unexpected, *(expected - state.keys())}):
        raise RunError(
            f"{run.path}: the saved weights and {run.config.method} differ in {differing[0]}; make it again."
        )
    for name, network in method.named_children():
        if any(tensor.is_meta for tensor in network.state_dict().values()):
            _refuse_calls(network, f"run {run.id} ({run.config.label}) has no weights of {name}, which this needs.")
        else:
            network.to(device)
    return method.eval().requires_grad_(False), trained_steps


def _with_frozen(run: Run, method: Method, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with those of the frozen networks that translation needs: only generators.safetensors has them."""
    lacking = (method.frozen.keys() & method.inference().keys()) - {name.split(".")[0] for name in tensors}
    if not lacking:
        return tensors
    stored, _ = checkpoint.read_generators(run.generators_file)
    return {**tensors, **{name: tensor for name, tensor in stored.items() if name.split(".")[0] in lacking}}


def _refuse_calls(network: nn.Module, message: str) -> None:
    """Raise RunError when a network without weights is called; torch may compute with them without an error."""

    def refuse(_module: nn.Module, _arguments: object) -> None:
        raise RunError(message)

    for module in network.modules():
        module.register_forward_pre_hook(refuse)


def _read_last_generators(run: Run) -> tuple[dict[str, Tensor], int]:
    if not run.generators_file.exists() and not run.checkpoint_steps():
        raise RunError(f"{run.generators_file} is missing: nothing was saved yet; train the run first.")
    tensors, step = checkpoint.read_generators(run.generators_file)
    # A kill between two files of a save leaves them at different steps; without checkpoints this file is all there is.
    return (tensors, step) if step == run.step() or not run.checkpoint_steps() else _read_checkpoint(run, None)


def _read_checkpoint(run: Run, step: int | None) -> tuple[dict[str, Tensor], int]:
    steps = run.checkpoint_steps()
    if not steps or (step is not None and step not in steps):
        stored = ", ".join(map(str, steps)) or "none"
        raise RunError(f"{run.path} has no checkpoint {f'of step {step}' if steps else 'yet'}; kept: {stored}.")
    saved = checkpoint.load(run.checkpoint(steps[-1] if step is None else step), only=checkpoint.WEIGHTS)
    return saved.translating(), saved.step


def check_direction(run: Run, direction: Direction) -> None:
    """Check that the run translates in this direction.

    Raises:
        UsageError: it does not.
    """
    if direction not in run.directions():
        directions = ", ".join(run.directions())
        raise UsageError(f"--direction {direction}: run {run.id} ({run.config.label}) translates {directions} only.")


def translate(
    method: Method,
    images: Tensor,
    direction: Direction,
    *,
    batch_size: int = 8,
    precision: Precision = "fp32",
    styles: Tensor | None = None,
    names: Sequence[object] = (),
) -> Iterator[Tensor]:
    """Translate images, one batch after another.

    Args:
        images: uint8 (n, 3, h, w).
        styles: one for each image and output, (n, samples, style_dim), for a method with a style; None draws one for
            each image, by its number in `images`.
        names: what an error calls each image, such as its path; empty for its number.
    Yields:
        The outputs, uint8 (batch, samples, 3, h, w) on the CPU; one sample for a method without a style.
    Raises:
        UgbenchError: an output is NaN or infinite, which no image file can show.
    """
    device = device_of(method)
    if styles is None and method.style_dim:
        styles = draw_styles(method.style_dim, range(len(images)))
    for start, batch in zip(range(0, len(images), batch_size), images.split(batch_size), strict=True):
        x = to_float(batch).to(device)
        outputs = []
        for k in range(1 if styles is None else styles.shape[1]):
            style = None if styles is None else styles[start : start + len(x), k].to(device)
            with torch.no_grad(), exact_float32(), autocast(precision, device):
                output = method.translate(x, direction, style).float()
            check_finite("translation", output, names or range(1, len(images) + 1), start)
            outputs.append(to_uint8(output).cpu())
        yield torch.stack(outputs, dim=1)


def check_finite(what: str, values: Tensor, names: Sequence[object], start: int) -> None:
    """Check what a network computed for each of several images.

    Args:
        what: "translation", for example.
        values: (n, …).
        names: of all images; those of `values` begin at index `start`.
    Raises:
        UgbenchError: a value is NaN or infinite; the message names the first such image.
    """
    finite = torch.isfinite(values).flatten(1).all(1)
    if not finite.all():
        name = names[start + int(finite.int().argmin())]
        raise UgbenchError(
            f"the {what} of image {name} is NaN or infinite; use another run or checkpoint, or --precision fp32."
        )


def device_of(method: Method) -> torch.device:
    """The device of the networks that a method translates with."""
    networks = method.inference().values()
    tensors = (tensor for network in networks for tensor in chain(network.parameters(), network.buffers()))
    return next(tensor.device for tensor in tensors if not tensor.is_meta)
