"""A run and images in, images out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from ugbench import registry
from ugbench.data.tensors import to_float, to_uint8
from ugbench.device import Precision, autocast
from ugbench.direction import Direction
from ugbench.errors import RunError, UsageError
from ugbench.method import Method
from ugbench.runs import checkpoint
from ugbench.runs.checkpoint import GENERATORS
from ugbench.runs.run import Run


def load(run: Run, device: torch.device, step: int | None = None, whole: bool = False) -> tuple[Method, int]:
    """The method of a run in eval mode, and the steps that its weights were trained for.

    Args:
        step: of a kept checkpoint; None is the last saved.
        whole: load every network, as attention maps need; else only what translation needs, and the rest has
            no memory at all.
    Raises:
        RunError: nothing was saved yet, no such checkpoint, or a damaged file.
    """
    config = run.config.method_config()
    with torch.device("meta"):
        method = registry.load_method(run.config.method)(config)
    if step is None and not whole:
        tensors, at = _read_generators(run.path / GENERATORS)
    else:
        tensors, at = _read_checkpoint(run, step)
    wanted = tensors if whole else _inference_tensors(method, tensors)
    missing, unexpected = method.load_state_dict(wanted, strict=False, assign=True)
    expected = set(method.state_dict() if whole else _inference_tensors(method, method.state_dict()))
    if run.config.origin is not None:
        # Of a published checkpoint only the networks that its files hold: one way, or no discriminators.
        given = {name.split(".")[0] for name in wanted}
        expected = {name for name in expected if name.split(".")[0] in given}
    if odd := sorted({*unexpected, *(expected & set(missing))}):
        raise RunError(f"{run.path}: the saved weights and {run.config.method} differ in {odd[0]}; make it again.")
    for module in method.children():
        if not any(tensor.is_meta for tensor in module.state_dict().values()):
            module.to(device)
    return method.eval().requires_grad_(False), at


def _inference_tensors(method: Method, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: t for name, t in tensors.items() if name.split(".")[0] in method.inference()}


def _read_generators(file: Path) -> tuple[dict[str, Tensor], int]:
    if not file.exists():
        raise RunError(f"{file} is missing: nothing was saved yet; train the run first.")
    with safe_open(file, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}, int(opened.metadata()["step"])  # noqa: SIM118


def _read_checkpoint(run: Run, step: int | None) -> tuple[dict[str, Tensor], int]:
    kept = checkpoint.steps(run.checkpoints)
    if not kept or (step is not None and step not in kept):
        have = ", ".join(map(str, kept)) or "none"
        raise RunError(f"{run.path} has no checkpoint {'yet' if step is None else f'of step {step}'}; kept: {have}.")
    found = checkpoint.load(run.checkpoints / str(kept[-1] if step is None else step), only="method")
    return found.parts["method"], found.step


def check_direction(run: Run, direction: Direction) -> None:
    """Raises UsageError where the run does not translate this way."""
    if direction not in run.directions():
        ways = ", ".join(run.directions())
        raise UsageError(f"--direction {direction}: run {run.id} ({run.config.label}) translates {ways} only.")


def translate(
    method: Method,
    images: Tensor,
    direction: Direction,
    *,
    batch_size: int = 8,
    mode: Precision = "fp32",
    samples: int = 1,
    seed: int = 0,
) -> Iterator[Tensor]:
    """Translate uint8 images (n, 3, size, size), a batch at a time as uint8 on the CPU.

    Args:
        samples: outputs an image, in methods with a style; the k-th uses the same style for every image.
    Yields:
        (batch, samples, 3, size, size).
    """
    device = _device(method)
    styles = None
    if method.style_dim:
        styles = torch.randn(samples, method.style_dim, generator=torch.Generator().manual_seed(seed)).to(device)
    for batch in images.split(batch_size):
        x = to_float(batch).to(device)
        outputs = []
        for k in range(samples):
            style = None if styles is None else styles[k].expand(len(x), -1)
            with torch.no_grad(), autocast(mode, device):
                outputs.append(to_uint8(method.translate(x, direction, style).float()).cpu())
        yield torch.stack(outputs, dim=1)


def attention(
    method: Method, images: Tensor, direction: Direction, *, batch_size: int = 8, plain: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Heat maps of uint8 images (n, 3, size, size), a batch at a time: name -> float (batch, 1, h, w) on the CPU.

    `method` must be loaded whole.

    Args:
        plain: also the maps of networks without attention, see `Method.feature_maps`.
    """
    device = _device(method)
    read = method.feature_maps if plain else method.attention
    for batch in images.split(batch_size):
        with torch.no_grad():
            maps = read(to_float(batch).to(device), direction)
        yield {name: heat.float().cpu() for name, heat in maps.items()}


def _device(method: Method) -> torch.device:
    return next(p.device for m in method.inference().values() for p in m.parameters() if not p.is_meta)
