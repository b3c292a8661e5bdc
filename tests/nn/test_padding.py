"""Padding by reflection and replication has the values and the gradient of PyTorch's, whichever way it is computed."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from ugbench.nn import padding
from ugbench.nn.padding import ReflectionPad, mirror_pad, reflect_pad, replicate_pad

PADS = {"reflect": reflect_pad, "replicate": replicate_pad}


def test_the_border_itself_is_not_repeated():
    row = torch.tensor([[1.0, 2.0, 3.0]]).expand(1, 1, 3, 3)
    assert reflect_pad(row, 2)[0, 0, 2].tolist() == [3, 2, 1, 2, 3, 2, 1]
    assert mirror_pad(row, 2)[0, 0, 2].tolist() == [3, 2, 1, 2, 3, 2, 1]


@pytest.mark.parametrize(("height", "width", "by"), [(4, 5, 1), (4, 5, 3), (2, 7, 1), (8, 8, 3)])
def test_mirror_pad_equals_torchs_reflection_in_value_and_gradient(height, width, by):
    x = torch.randn(2, 3, height, width, dtype=torch.float64, requires_grad=True)
    expected = F.pad(x, (by, by, by, by), mode="reflect")
    padded = mirror_pad(x, by)
    assert torch.equal(padded, expected)
    gradient = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(padded, x, gradient),
        torch.autograd.grad(expected, x, gradient),
        atol=1e-14,
        rtol=0,
    )


def test_padding_has_the_bits_of_torchs_and_keeps_no_tensor_for_the_backward_pass():
    x = torch.randn(2, 3, 6, 5, requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda tensor: tensor):
        padded = reflect_pad(x, 2)
    expected = F.pad(x, (2, 2, 2, 2), mode="reflect")
    gradient = torch.randn_like(expected)
    assert kept == []
    assert padded.equal(expected)
    assert torch.autograd.grad(padded, x, gradient)[0].equal(torch.autograd.grad(expected, x, gradient)[0])


@pytest.mark.parametrize(("height", "width", "by"), [(6, 5, 1), (6, 5, 4), (4, 9, 3), (2, 2, 1)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_large_gradients_go_back_in_another_way_with_the_same_result(monkeypatch, height, width, by, memory_format):
    monkeypatch.setattr(padding, "_LARGE", 0)
    x = torch.randn(2, 3, height, width, dtype=torch.float64).to(memory_format=memory_format).requires_grad_()
    with Recorded() as recorded:
        padded = reflect_pad(x, by)
        gradient = torch.randn_like(padded)
        (result,) = torch.autograd.grad(padded, x, gradient)
    expected = F.pad(x, (by, by, by, by), mode="reflect")
    torch.testing.assert_close(result, torch.autograd.grad(expected, x, gradient)[0], atol=1e-14, rtol=0)
    assert not any("pad2d_backward" in name for name in recorded.names)


@pytest.mark.parametrize("large", [0, 1 << 16])
def test_padding_has_second_derivatives(monkeypatch, large):
    monkeypatch.setattr(padding, "_LARGE", large)
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: reflect_pad(x, 2).square(), x)


@pytest.mark.parametrize("mode", PADS)
@pytest.mark.parametrize("needs_gradient", [True, False])
def test_under_autocast_images_in_bfloat16_are_padded_as_they_are(mode, needs_gradient):
    x = torch.randn(1, 2, 5, 5).bfloat16().requires_grad_(needs_gradient)
    with torch.autocast("cpu", torch.bfloat16), Recorded() as recorded:
        padded = PADS[mode](x, 1)
    assert padded.equal(F.pad(x.detach(), (1, 1, 1, 1), mode=mode)) and padded.dtype == torch.bfloat16
    assert not any("_to_copy" in name for name in recorded.names)


@pytest.mark.parametrize("pad", [reflect_pad, mirror_pad])
def test_a_map_no_larger_than_the_padding_is_refused(pad):
    with pytest.raises(RuntimeError, match=r"reflect|[Pp]adding"):
        pad(torch.zeros(1, 1, 1, 1), 1)
    with pytest.raises(RuntimeError, match=r"reflect|[Pp]adding"):
        pad(torch.zeros(1, 1, 8, 3), 3)


def test_the_module_pads_by_its_width_and_has_no_state():
    module = ReflectionPad(3)
    x = torch.randn(1, 2, 5, 6)
    assert torch.equal(module(x), F.pad(x, (3, 3, 3, 3), mode="reflect"))
    assert not module.state_dict()
    assert repr(module) == "ReflectionPad(3)"


class Recorded(TorchDispatchMode):
    """Names of the operations that run inside."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.name())
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("asked", [True, False])
def test_on_a_gpu_flips_serve_where_determinism_is_asked_for(asked, deterministic):
    torch.use_deterministic_algorithms(asked)
    with FakeTensorMode(), Recorded() as recorded:
        x = torch.zeros(1, 2, 4, 4, device="cuda")
        assert reflect_pad(x, 1).shape == (1, 2, 6, 6)
    assert ("aten::flip" in recorded.names) == asked
    assert ("aten::reflection_pad2d" in recorded.names) != asked
