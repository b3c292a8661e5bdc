"""One direction of a method as an ONNX file, held against the method itself before it is there."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ugbench.direction import Direction
from ugbench.errors import UgbenchError, UsageError
from ugbench.method import Method

PACKAGES = ("onnx", "onnxscript", "onnxruntime")  # the extra `onnx`
TOLERANCE = 1e-4
FACTOR = 4  # heights and widths of a file for any size are multiples of this

Inputs = tuple[Tensor, ...]
"""Images (n, 3, h, w), and a style (n, style_dim) where the method has one."""


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        any_size: whether height and width are free (multiples of 4), or the run's own.
        difference: the largest between the file in onnxruntime and the method, of outputs in [-1, 1].
        checked: shapes of the images that it was checked with.
    """

    any_size: bool
    difference: float
    checked: tuple[tuple[int, ...], ...]


class Translator(nn.Module):
    """One direction of a method as a plain function of tensors."""

    def __init__(self, method: Method, direction: Direction) -> None:
        super().__init__()
        self.method = method
        self.direction = direction

    def forward(self, image: Tensor, style: Tensor | None = None) -> Tensor:
        """(n, 3, h, w) in [-1, 1] to the same shape."""
        return self.method.translate(image, self.direction, style)


def need_packages() -> None:
    """Raises UsageError where the extra `onnx` is not installed, naming what is missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"an .onnx file needs {', '.join(missing)}; install with `pip install 'ugbench[onnx]'`.")


def write(method: Method, direction: Direction, file: Path, properties: Mapping[str, str]) -> Written:
    """Write `file`: input `image` (and `style`), output `translation`, any batch size, float32.

    Height and width are free where the method takes other sizes than its own.

    Args:
        method: in eval mode on the CPU.
        properties: notes in the file's metadata.
    Raises:
        UsageError: the extra `onnx` is missing.
        UgbenchError: the method cannot be written, or onnxruntime's outputs differ from its own by more than
            1e-4; there is no file then, and an older one stays.
    """
    need_packages()
    translator = Translator(method, direction).eval()
    any_size = _takes_other_sizes(translator)
    program = _program(translator, any_size)
    program.model.metadata_props.update(properties)
    # Aside first, so that there is never a file that was not checked.
    aside = file.with_name(f".{os.getpid()}.{file.name}")
    try:
        program.save(aside, external_data=False)
        del program  # as large as the networks
        written = Written(any_size, *_check(translator, aside, any_size))
        # `not <=`: NaN is no agreement.
        if not written.difference <= TOLERANCE:
            raise UgbenchError(
                f"{file}: in onnxruntime outputs differ from the run's by {written.difference:.2g}, more than "
                f"{TOLERANCE:g}; no file was written, so use the run itself, or a .safetensors file."
            )
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
    return written


def _takes_other_sizes(translator: Translator) -> bool:
    """Whether images that are neither of the method's size nor square come out in their own shape."""
    size = translator.method.config.size
    # Shapes alone are worked out here: a full-size translation takes seconds.
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        images = torch.empty(1, 3, size + FACTOR, size + 2 * FACTOR)
        try:
            found = translator(*_with_style(translator, images))
        except (UsageError, RuntimeError):  # the method's refusal, or torch's of a shape: that is the answer
            return False
        return bool(found.shape == images.shape)


def _program(translator: Translator, any_size: bool) -> Any:
    batch = torch.export.Dim("batch")
    free = {2: FACTOR * torch.export.Dim("height"), 3: FACTOR * torch.export.Dim("width")} if any_size else {}
    # A batch of 1 would be taken for a constant.
    inputs = _inputs(translator, 2)
    # The style's batch is found to be the images'; naming it twice makes the exporter warn.
    shapes = ({0: batch, **free}, {0: torch.export.Dim.DYNAMIC})[: len(inputs)]
    try:
        return torch.onnx.export(
            translator,
            inputs,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=["image", "style"][: len(inputs)],
            output_names=["translation"],
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        why = str(error).strip().splitlines()[0]
        raise UgbenchError(f"this method cannot be written as ONNX ({why}); write a .safetensors file.") from error


def _check(translator: Translator, file: Path, any_size: bool) -> tuple[float, tuple[tuple[int, ...], ...]]:
    """The largest difference at batches of 1 and 3, and at another size; NaN where any output is."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    size = translator.method.config.size
    cases = [_inputs(translator, 1), _inputs(translator, 3)]
    if any_size:
        cases.append(_inputs(translator, 1, size + FACTOR, size + 2 * FACTOR))
    differences = []
    for inputs in cases:
        named = zip(("image", "style"), (tensor.numpy() for tensor in inputs), strict=False)
        (found,) = session.run(None, dict(named))
        with torch.no_grad():
            wanted = translator(*inputs)
        if found.shape != tuple(wanted.shape):
            differences.append(torch.tensor(torch.inf))
        else:
            differences.append((torch.from_numpy(found) - wanted).abs().max())
    return float(torch.stack(differences).max()), tuple(tuple(inputs[0].shape) for inputs in cases)


def _inputs(translator: Translator, n: int, height: int | None = None, width: int | None = None) -> Inputs:
    size = translator.method.config.size
    random = torch.Generator().manual_seed(n)
    images = torch.rand(n, 3, height or size, width or size, generator=random) * 2 - 1
    return _with_style(translator, images)


def _with_style(translator: Translator, images: Tensor) -> Inputs:
    length = translator.method.style_dim
    if not length:
        return (images,)
    return images, torch.linspace(-1, 1, len(images) * length).view(len(images), length)
