"""Instance norm has the values and gradients of PyTorch's, in the type of the images."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ugbench.nn.instance_norm import InstanceNorm2d


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("eps", [1e-5, 1e-2])
def test_values_and_gradients_are_torchs(affine, eps):
    torch.manual_seed(0)
    ours, theirs = InstanceNorm2d(3, eps, affine=affine), torch.nn.InstanceNorm2d(3, eps, affine=affine)
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter)
    theirs.load_state_dict(ours.state_dict())
    x = (torch.randn(2, 3, 4, 5, dtype=torch.float64) * 2 + 5).requires_grad_()
    gradient = torch.randn_like(x)
    results = []
    for norm in (ours.double(), theirs.double()):
        y = norm(x)
        results.append((y, *torch.autograd.grad(y, [x, *norm.parameters()], gradient)))
    assert len(results[0]) == (4 if affine else 2)
    for own, expected in zip(*results, strict=True):
        torch.testing.assert_close(own, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("affine", [False, True])
def test_under_autocast_images_in_bfloat16_stay_so(affine):
    x = torch.randn(2, 3, 8, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y = InstanceNorm2d(3, affine=affine)(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), F.instance_norm(x.float()), atol=0.02, rtol=0)
