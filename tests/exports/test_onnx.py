"""An .onnx file gives in onnxruntime what the method gives, at the batches and sizes that it says, or is not there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from ugbench import registry
from ugbench.errors import UgbenchError, UsageError
from ugbench.exports import onnx as exports
from ugbench.method import Batch, Group, Method, MethodConfig, Phase

SIZE = 32
SMALL = {"size": SIZE, "channels": 4, "discriminator_channels": 4, "blocks": 1}


class Styled(Method):
    """A method with a style, small enough to be written in a moment."""

    Config = MethodConfig
    PRESETS = {}  # noqa: RUF012
    style_dim = 2

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.mix = nn.Conv2d(3, 3, 1)
        self.weigh = nn.Linear(2, 3)
        self.wrong = False

    def groups(self) -> dict[str, Group]:
        return {}

    def step(self, batch: Batch, phase: Phase) -> None:
        raise NotImplementedError

    def inference(self) -> dict[str, nn.Module]:
        return {"mix": self.mix, "weigh": self.weigh}

    def translate(self, x: Tensor, direction: str, style: Tensor | None = None) -> Tensor:
        assert style is not None
        y = self.mix(x) * self.weigh(style)[:, :, None, None]
        if self.wrong and not torch.compiler.is_compiling():
            y = y + 2e-4
        return y if direction == "A2B" else -y


def built(name: str, **fields: Any) -> Method:
    torch.manual_seed(0)
    cls = registry.load_method(name)
    method = cls(cls.make_config("smoke", None, {**SMALL, **fields}))
    with torch.no_grad():
        for parameter in method.parameters():
            # Wide enough for outputs over all of [-1, 1], so that a difference shows.
            parameter.copy_(torch.randn_like(parameter) / max(1, parameter[0].numel()) ** 0.5)
    return method.eval().requires_grad_(False)


@pytest.fixture
def styled() -> Styled:
    torch.manual_seed(0)
    return Styled(MethodConfig(size=SIZE)).eval()


def run(file: Path, **inputs: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    return torch.from_numpy(np.asarray(output))


def shapes(file: Path) -> dict[str, list[Any]]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return {value.name: value.shape for value in (*session.get_inputs(), *session.get_outputs())}


def images(n: int, height: int, width: int) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(7)) * 2 - 1


@pytest.mark.parametrize(
    ("name", "fields", "direction"),
    [("ugatit", {"light": True}, "A2B"), ("cyclegan", {}, "B2A")],
    ids=["light", "cyclegan"],
)
def test_networks_of_any_size_give_the_methods_outputs_at_any_batch_and_size(
    tmp_path: Path, name: str, fields: dict[str, Any], direction: Any
) -> None:
    method, file = built(name, **fields), tmp_path / "G.onnx"
    written = exports.write(method, direction, file, {"run": "abc"})
    assert written.any_size
    assert written.checked == ((1, 3, 32, 32), (3, 3, 32, 32), (1, 3, 36, 40))
    assert 0 <= written.difference <= 1e-4
    for n, height, width in ((1, 32, 32), (5, 32, 32), (2, 64, 48)):
        x = images(n, height, width)
        expected = method.translate(x, direction)
        assert expected.std() > 0.05
        torch.testing.assert_close(run(file, image=x), expected, atol=1e-4, rtol=0)
    assert list(tmp_path.iterdir()) == [file]
    assert {entry.key: entry.value for entry in onnx.load(file).metadata_props}["run"] == "abc"


def test_a_full_generator_keeps_its_size_and_takes_any_batch(tmp_path: Path) -> None:
    method, file = built("ugatit", light=False), tmp_path / "G.onnx"
    written = exports.write(method, "A2B", file, {})
    assert (written.any_size, written.checked) == (False, ((1, 3, 32, 32), (3, 3, 32, 32)))
    assert shapes(file)["image"] == ["batch", 3, 32, 32]
    x = images(4, 32, 32)
    torch.testing.assert_close(run(file, image=x), method.translate(x, "A2B"), atol=1e-4, rtol=0)


def test_a_style_is_a_second_input(tmp_path: Path, styled: Styled) -> None:
    file = tmp_path / "G.onnx"
    exports.write(styled, "B2A", file, {})
    assert list(shapes(file)) == ["image", "style", "translation"]
    x, style = images(3, 32, 32), torch.tensor([[1.0, 0], [0, 1], [2, 3]])
    with torch.no_grad():
        expected = styled.translate(x, "B2A", style)
    torch.testing.assert_close(run(file, image=x, style=style), expected, atol=1e-5, rtol=0)


def test_a_file_that_differs_is_not_stored_and_an_older_one_stays(tmp_path: Path, styled: Styled) -> None:
    file = tmp_path / "G.onnx"
    file.write_text("older")
    styled.wrong = True
    with pytest.raises(UgbenchError, match=r"differ from the run's by 0\.0002, more than 0\.0001; no file") as refused:
        exports.write(styled, "A2B", file, {})
    assert refused.value.exit_code == 1
    assert (list(tmp_path.iterdir()), file.read_text()) == ([file], "older")


def test_what_torch_cannot_write_is_one_sentence(tmp_path: Path, styled: Styled, monkeypatch: Any) -> None:
    def depends_on_values(x: Tensor, direction: str, style: Tensor | None = None) -> Tensor:
        return x if float(x.mean()) > 0 else -x

    monkeypatch.setattr(styled, "translate", depends_on_values)
    with pytest.raises(UgbenchError, match=r"cannot be written as ONNX \(.+\); write a \.safetensors file"):
        exports.write(styled, "A2B", tmp_path / "G.onnx", {})
    assert not list(tmp_path.iterdir())


def test_without_the_extra_the_error_names_it(tmp_path: Path, styled: Styled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UsageError, match=r"needs onnxscript; install with `pip install 'ugbench\[onnx\]'`"):
        exports.write(styled, "A2B", tmp_path / "G.onnx", {})
