"""Writes one direction of a method as an ONNX file.

The file appears only after its outputs in onnxruntime have been compared with those of the method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ugbench.direction import Direction
from ugbench.errors import UgbenchError, UsageError
from ugbench.extras import need_extra
from ugbench.method import Method
from ugbench.runs.output_file import output_file

PACKAGES = ("onnx", "onnxscript", "onnxruntime")  # what the extra `onnx` installs
TOLERANCE = 1e-4  # largest difference of outputs in [-1, 1]
FACTOR = 4  # if a file takes any size, heights and widths must be multiples of this

Inputs = tuple[Tensor, ...]
"""Images (n, 3, h, w), and a style (n, style_dim) if the method has one."""


@dataclass(frozen=True)
class OnnxFile:
    """Facts about a file that was written.

    Attributes:
        any_size: True if the file takes any height and width that are multiples of 4; False if only the run's size.
        difference: the largest difference between outputs (in [-1, 1]) of the file in onnxruntime and of the method.
        checked: shapes of the images that were compared.
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
    """Raise UsageError, with the names of the missing packages, if the extra `onnx` is not installed."""
    need_extra("onnx", PACKAGES, "an .onnx file")


def write(method: Method, direction: Direction, file: Path, properties: Mapping[str, str]) -> OnnxFile:
    """Write an ONNX file with the input `image` (and `style`) and the output `translation`, for any batch size.

    All values are float32. The file takes any height and width if the method does, else only the method's size.

    Args:
        method: in eval mode on the CPU.
        file: path of the file; an older file is replaced.
        properties: entries for the metadata of the file.
    Raises:
        UsageError: the extra `onnx` is not installed.
        UgbenchError: the method cannot be written as ONNX, or outputs in onnxruntime differ from the method's by more
            than 1e-4. Then no file is written, and an older file stays.
    """
    need_packages()
    translator = Translator(method, direction).eval()
    any_size = _takes_other_sizes(translator)
    program = _program(translator, any_size)
    program.model.metadata_props.update(properties)
    # It is written under another name first, so that a file that was not checked is never found.
    with output_file(file) as unchecked:
        program.save(unchecked, external_data=False)
        del program  # as large as the networks
        written = OnnxFile(any_size, *_check(translator, unchecked, any_size))
        # Written as `not <=`, because NaN must be refused too.
        if not written.difference <= TOLERANCE:
            raise UgbenchError(
                f"{file}: in onnxruntime outputs differ from the run's by {written.difference:.2g}, more than "
                f"{TOLERANCE:g}; no file was written, so use the run itself, or a .safetensors file."
            )
    return written


def _takes_other_sizes(translator: Translator) -> bool:
    """True if images of another size and of other proportions are translated to images of the same shape."""
    # Only shapes are computed here, because a full-size translation takes seconds.
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        inputs = _inputs(translator, 1, FACTOR, 2 * FACTOR)
        try:
            return bool(translator(*inputs).shape == inputs[0].shape)
        except (UsageError, RuntimeError):  # the method refuses the size, or torch a shape
            return False


def _program(translator: Translator, any_size: bool) -> Any:
    batch = torch.export.Dim("batch")
    free = {2: FACTOR * torch.export.Dim("height"), 3: FACTOR * torch.export.Dim("width")} if any_size else {}
    # The exporter would take a batch of 1 for a constant.
    inputs = _inputs(translator, 2)
    # The exporter infers that images and styles have the same batch size; it warns if the size is named twice.
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
        reason = str(error).strip().splitlines()[0]
        raise UgbenchError(f"this method cannot be written as ONNX ({reason}); write a .safetensors file.") from error


def _check(translator: Translator, file: Path, any_size: bool) -> tuple[float, tuple[tuple[int, ...], ...]]:
    """The largest difference for batches of 1 and 3, and for another size; NaN if any output is NaN. And the shapes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    cases = [_inputs(translator, 1), _inputs(translator, 3)]
    if any_size:
        cases.append(_inputs(translator, 1, FACTOR, 2 * FACTOR))
    differences = []
    for inputs in cases:
        by_name = dict(zip(("image", "style"), (tensor.numpy() for tensor in inputs), strict=False))
        (output,) = session.run(None, by_name)
        with torch.no_grad():
            expected = translator(*inputs)
        if output.shape != tuple(expected.shape):
            differences.append(torch.tensor(torch.inf))
        else:
            differences.append((torch.from_numpy(output) - expected).abs().max())
    return float(torch.stack(differences).max()), tuple(tuple(inputs[0].shape) for inputs in cases)


def _inputs(translator: Translator, n: int, higher: int = 0, wider: int = 0) -> Inputs:
    """Noise of the method's size, or of one that is higher and wider by these px, and styles if the method has them."""
    height, width = translator.method.config.image_shape
    random = torch.Generator().manual_seed(n)
    images = torch.rand(n, 3, height + higher, width + wider, generator=random) * 2 - 1
    length = translator.method.style_dim
    return (images, torch.linspace(-1, 1, n * length).view(n, length)) if length else (images,)
