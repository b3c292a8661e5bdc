"""PatchNCE: values that were computed by hand, sampled positions, and the norm of the projections."""

from __future__ import annotations

import math

import pytest
import torch

from ugbench.nn.patch_nce import Projection, patch_nce, sample_positions


def test_two_patches_with_known_similarities_have_the_loss_worked_out_by_hand() -> None:
    keys = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    queries = torch.tensor([[[1.0, 0.0], [0.6, 0.8]]], dtype=torch.float64)
    # Own keys are at 1 and 0.8, the other patch's at 0 and 0.6.
    by_hand = (math.log1p(math.exp((0 - 1) / 0.5)) + math.log1p(math.exp((0.6 - 0.8) / 0.5))) / 2
    assert float(patch_nce(queries, keys, 0.5)) == pytest.approx(by_hand, abs=1e-15)


@pytest.mark.parametrize("patches", [2, 64])
def test_where_all_patches_look_alike_the_loss_is_the_log_of_their_number(patches: int) -> None:
    same = torch.ones(3, patches, 4) / 2
    assert float(patch_nce(same, same, 0.07)) == pytest.approx(math.log(patches), rel=1e-6)


def test_the_diagonal_as_positive_equals_a_positive_first_and_minus_ten_on_the_diagonal() -> None:
    """The public code's layout of logits."""
    q, k = torch.nn.functional.normalize(torch.randn(2, 2, 9, 5, dtype=torch.float64), dim=-1)
    others = (q @ k.mT).masked_fill(torch.eye(9, dtype=torch.bool), -10.0)
    logits = torch.cat(((q * k).sum(-1, keepdim=True), others), -1).flatten(0, 1) / 0.07
    expected = torch.nn.functional.cross_entropy(logits, torch.zeros(18, dtype=torch.long))
    torch.testing.assert_close(patch_nce(q, k, 0.07), expected, rtol=1e-13, atol=0)


def test_negatives_are_of_the_same_image() -> None:
    q, k = torch.nn.functional.normalize(torch.randn(2, 3, 4, 5, dtype=torch.float64), dim=-1)
    separately = torch.stack([patch_nce(q[i : i + 1], k[i : i + 1], 0.07) for i in range(3)]).mean()
    torch.testing.assert_close(patch_nce(q, k, 0.07), separately)


def test_the_positions_with_the_lowest_numbers_are_sampled_each_once() -> None:
    assert sample_positions(torch.tensor([0.5, 0.1, 0.9, 0.3]), 3).tolist() == [1, 3, 0]
    equal = sample_positions(torch.zeros(40), 40)
    assert sorted(equal.tolist()) == list(range(40))


def test_a_layer_with_fewer_positions_gives_all_of_them() -> None:
    assert sorted(sample_positions(torch.rand(9), 256).tolist()) == list(range(9))


def test_projections_are_of_row_major_positions_and_of_norm_one() -> None:
    projection = Projection((2,), 4).double()
    features = torch.randn(3, 2, 4, 5, dtype=torch.float64)
    (projections,) = projection([features], [torch.tensor([7, 0])])
    assert projections.shape == (3, 2, 4)
    expected = projection[0](features[:, :, 1, 2])
    torch.testing.assert_close(projections[:, 0], expected / (expected.norm(dim=1, keepdim=True) + 1e-7))
    torch.testing.assert_close(projections.norm(dim=2), torch.ones(3, 2, dtype=torch.float64), rtol=0, atol=1e-5)


def test_1e_7_is_added_to_the_norm() -> None:
    projection = Projection((1,), 1).double()
    mlp = projection[0]
    for parameter, value in zip(mlp.parameters(), (1.0, 0.0, 3e-7, 0.0), strict=True):
        torch.nn.init.constant_(parameter, value)
    (projections,) = projection([torch.ones(1, 1, 1, 1, dtype=torch.float64)], [torch.tensor([0])])
    assert float(projections.detach()) == pytest.approx(0.75, abs=1e-12)


def test_a_patch_whose_projection_is_zero_has_a_finite_gradient() -> None:
    projection = Projection((2,), 3)
    features = torch.zeros(1, 2, 2, 2)
    for parameter in projection.parameters():
        torch.nn.init.zeros_(parameter)
    (projections,) = projection([features], [torch.arange(4)])
    patch_nce(projections, projections.detach(), 0.07).backward()
    assert all(torch.isfinite(p.grad).all() for p in projection.parameters())
