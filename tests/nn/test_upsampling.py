"""Upsampling and convolution in one layer equal the operations one after the other."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ugbench.nn.padding import replicate_pad
from ugbench.nn.upsampling import UpsampleConv2d
from ugbench.training.flops import flop_counter


def plain(layer: UpsampleConv2d, x: torch.Tensor) -> torch.Tensor:
    """What the layer computes, by its definition."""
    upsampled = F.interpolate(x, scale_factor=2, mode="nearest")
    return F.conv2d(F.pad(upsampled, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 3, 1, 1), (1, 3, 1, 6)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_output_and_gradients_equal_the_plain_operations(bias, shape, memory_format):
    torch.manual_seed(0)
    layer = UpsampleConv2d(3, 2, bias).double().to(memory_format=memory_format)
    x = torch.randn(shape, dtype=torch.float64).to(memory_format=memory_format).requires_grad_()
    output, expected = layer(x), plain(layer, x)
    torch.testing.assert_close(output, expected, atol=1e-12, rtol=0)
    gradient = torch.randn_like(expected)
    inputs = [x, *layer.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(output, inputs, gradient),
        torch.autograd.grad(expected, inputs, gradient),
        atol=1e-12,
        rtol=0,
    )


def test_it_has_second_derivatives():
    torch.manual_seed(0)
    layer, x = UpsampleConv2d(2, 1).double(), torch.randn(1, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: layer(x).square(), x)


def test_the_parameters_are_those_of_a_3x3_convolution():
    torch.manual_seed(0)
    layer = UpsampleConv2d(3, 2)
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 2, 3)
    assert layer.state_dict().keys() == convolution.state_dict().keys()
    assert all(layer.state_dict()[name].equal(value) for name, value in convolution.state_dict().items())


def test_the_arithmetic_is_four_ninths_of_the_plain_one_and_a_border():
    layer, x = UpsampleConv2d(3, 2), torch.randn(1, 3, 16, 16)
    with flop_counter() as fewer:
        layer(x)
    with flop_counter() as all_of_them:
        plain(layer, x)
    assert fewer.get_total_flops() * 9 * 16**2 == all_of_them.get_total_flops() * 4 * 17**2


def test_under_autocast_weights_are_summed_before_they_are_rounded():
    layer = UpsampleConv2d(1, 1, bias=False)
    with torch.no_grad():
        # In bfloat16 the first of these weights is 1, and their sum would be 0.
        layer.weight.zero_()[0, 0, 1, 1:] = torch.tensor([1 + 2**-8, -1.0])
        with torch.autocast("cpu", torch.bfloat16):
            output = layer(torch.ones(1, 1, 2, 2))
    assert output.dtype == torch.bfloat16
    assert (output[..., 0::2] == 2**-8).all()


@pytest.mark.parametrize("width", [1, 2])
def test_replication_padding_that_is_deterministic_on_a_gpu_equals_torchs(width, deterministic, monkeypatch):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    expected = F.pad(x, (width,) * 4, mode="replicate")
    torch.use_deterministic_algorithms(True)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    padded = replicate_pad(x, width)
    assert padded.equal(expected)
    gradient = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(padded, x, gradient), torch.autograd.grad(expected, x, gradient), atol=1e-14, rtol=0
    )
