"""Moments of each channel, pooled moments, and the affine map with them."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from ugbench.nn import moments
from ugbench.nn.moments import channel_affine, instance_moments, pool_moments


@pytest.fixture
def x() -> torch.Tensor:
    torch.manual_seed(0)
    return (torch.randn(3, 6, 5, 7, dtype=torch.float64) * 2 + 5).requires_grad_()


def test_moments_are_of_each_channel_of_each_sample(x):
    mean, variance = instance_moments(x)
    torch.testing.assert_close(mean, x.mean((2, 3), keepdim=True), atol=1e-12, rtol=0)
    torch.testing.assert_close(variance, x.var((2, 3), keepdim=True, correction=0), atol=1e-12, rtol=0)


def test_the_gradient_of_the_moments_is_autograds(x):
    torch.autograd.gradcheck(instance_moments, x, check_undefined_grad=False)
    gradients = torch.randn(2, 3, 6, 1, 1, dtype=torch.float64)
    plain = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, correction=0)
    torch.testing.assert_close(
        torch.autograd.grad(instance_moments(x), x, tuple(gradients)),
        torch.autograd.grad(plain, x, tuple(gradients)),
        atol=1e-12,
        rtol=0,
    )


@pytest.mark.parametrize(("dim", "dims"), [(1, (1, 2, 3)), (0, (0, 2, 3))])
def test_pooled_moments_are_those_of_the_union(x, dim, dims):
    mean, variance = pool_moments(*instance_moments(x), dim)
    torch.testing.assert_close(mean, x.mean(dims, keepdim=True), atol=1e-12, rtol=0)
    torch.testing.assert_close(variance, x.var(dims, keepdim=True, correction=0), atol=1e-12, rtol=0)


def test_a_flat_channel_has_no_variance_and_finite_gradients():
    flat = torch.full((1, 2, 4, 4), 3.0, requires_grad=True)
    mean, variance = instance_moments(flat)
    assert mean.flatten().tolist() == [3.0, 3.0]
    assert variance.abs().max() < 1e-9
    (torch.rsqrt(variance + 1e-5) * mean).sum().backward()
    assert flat.grad.isfinite().all()


def test_half_precision_images_have_moments_in_float32_and_keep_their_type():
    half = torch.randn(2, 3, 8, 8).bfloat16()
    mean, variance = instance_moments(half)
    assert mean.dtype == variance.dtype == torch.float32
    torch.testing.assert_close(mean, half.float().mean((2, 3), keepdim=True))
    assert channel_affine(half, variance, mean).dtype == torch.bfloat16


def test_on_a_processor_images_in_bfloat16_are_not_widened():
    images = torch.randn(2, 3, 8, 8).bfloat16().requires_grad_()
    with Widened() as widened:
        mean, variance = instance_moments(images)
        channel_affine(images, variance, mean).sum().backward()
    assert widened.shapes == []


class Widened(TorchDispatchMode):
    """Shapes of the images (n, c, h, w) of more than one pixel that are copied to float32 inside."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[torch.Size] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func.name() == "aten::_to_copy" and out.dtype == torch.float32 and out[0, 0].numel() > 1:
            self.shapes.append(out.shape)
        return out


def on_a_gpu(images, scale, shift):
    """What channel_affine computes there of images in bfloat16."""
    return moments._ChannelAffine.apply(images, scale, shift)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("affine", [channel_affine, on_a_gpu])
def test_of_images_in_bfloat16_no_copy_is_kept_and_the_gradients_are_those_of_float32_arithmetic(samples, affine):
    images = torch.randn(2, 3, 5, 4).bfloat16().requires_grad_()
    scale, shift = torch.randn(samples, 3, 1, 1, requires_grad=True), torch.randn(2, 3, 1, 1, requires_grad=True)
    kept = []

    def keep(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = affine(images, scale, shift)
        mean, variance = instance_moments(images)
    assert all(tensor.dtype == torch.bfloat16 for tensor in kept if tensor.shape == images.shape)
    expected = torch.addcmul(shift, images.float(), scale).bfloat16()
    assert out.equal(expected)
    gradient = torch.randn(2, 3, 5, 4).bfloat16()
    inputs = (images, scale, shift)
    ours, theirs = (torch.autograd.grad(y, inputs, gradient, retain_graph=True) for y in (out, expected))
    assert ours[0].equal(theirs[0])
    torch.testing.assert_close(ours[1:], theirs[1:], rtol=1e-6, atol=1e-6)  # sums, in another order
    copy_moments = instance_moments(images.float())
    ours, theirs = (torch.autograd.grad(m.sum() + v.sum(), images)[0] for m, v in ((mean, variance), copy_moments))
    assert ours.equal(theirs) and ours.dtype == torch.bfloat16


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_affine_map_and_its_two_derivatives_are_those_of_the_plain_product(samples, memory_format):
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64).to(memory_format=memory_format).requires_grad_()
    factors = [torch.randn(samples, 3, 1, 1, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    ours, plain = channel_affine(x, *factors), factors[0] * x + factors[1]
    gradient = torch.randn_like(plain)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-14)
    torch.testing.assert_close(
        torch.autograd.grad(ours, [x, *factors], gradient),
        torch.autograd.grad(plain, [x, *factors], gradient),
        rtol=0,
        atol=1e-13,
    )
    assert torch.autograd.gradgradcheck(channel_affine, (x, *factors))


def test_moments_and_their_gradient_sync_with_no_host():
    with FakeTensorMode():
        images = torch.zeros(2, 3, 4, 4, requires_grad=True)
        mean, variance = instance_moments(images)
        channel_affine(images, variance, mean).sum().backward()
        assert images.grad.shape == images.shape
