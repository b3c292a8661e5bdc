"""A phase teaches its own groups and no other, and a step that is not finite teaches nobody."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ugbench.errors import UgbenchError
from ugbench.method import Group
from ugbench.training.loss_scale import LossScale
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases


class Pair(nn.Module):
    def __init__(self, clip_norm: float | None = None) -> None:
        super().__init__()
        self.left = nn.Parameter(torch.tensor([1.0, 2.0]))
        self.right = nn.Parameter(torch.tensor([3.0]))
        self.clip_norm = clip_norm

    def groups(self) -> dict[str, Group]:
        return {
            "left": Group((self.left,), 0.1, clip_norm=self.clip_norm),
            "right": Group((self.right,), 0.2),
        }


def phases_of(pair: Pair) -> Phases:
    return Phases(build_optimizers(pair))  # type: ignore[arg-type]


def test_only_the_named_groups_require_grad_inside_and_all_do_outside() -> None:
    pair = Pair()
    phase = phases_of(pair)
    with phase("left") as loss:
        assert (pair.left.requires_grad, pair.right.requires_grad) == (True, False)
        loss["x"] = pair.left.sum()
    assert (pair.left.requires_grad, pair.right.requires_grad) == (True, True)


def test_the_update_is_adams_of_the_sum_of_the_terms() -> None:
    pair = Pair()
    phase = phases_of(pair)
    with phase("left") as loss:
        loss["x"] = (pair.left * pair.right).sum()
        loss["y"] = pair.left.square().sum()
    reference = nn.Parameter(torch.tensor([1.0, 2.0]))
    adam = torch.optim.Adam([reference], lr=0.1)
    ((reference * 3.0).sum() + reference.square().sum()).backward()
    adam.step()
    torch.testing.assert_close(pair.left.data, reference.data)
    assert pair.right.item() == 3.0
    assert {name: value.item() for name, value in phase.losses.items()} == {"left/x": 9.0, "left/y": 5.0}


def test_one_phase_can_teach_several_groups() -> None:
    pair = Pair()
    with phases_of(pair)("left", "right") as loss:
        loss["x"] = pair.left.sum() + pair.right.sum()
    torch.testing.assert_close(pair.left.data, torch.tensor([0.9, 1.9]))
    torch.testing.assert_close(pair.right.data, torch.tensor([2.8]))


def test_a_graph_made_before_the_phase_still_reaches_its_group() -> None:
    pair = Pair()
    phase = phases_of(pair)
    made_before = pair.left.sum()
    with phase("right") as loss:
        loss["x"] = (pair.right * made_before.detach()).sum()
    with phase("left") as loss:
        loss["y"] = made_before * 2
    torch.testing.assert_close(pair.left.data, torch.tensor([0.9, 1.9]))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_after_a_value_that_is_not_finite_no_phase_changes_anything(bad: float) -> None:
    pair = Pair()
    phase = phases_of(pair)
    with phase("left") as loss:
        loss["x"] = pair.left.sum() * bad
    with phase("right") as loss:
        loss["y"] = pair.right.sum()
    assert phase.found_inf.item() == 1
    assert pair.left.tolist() == [1.0, 2.0]
    assert pair.right.tolist() == [3.0]


def test_a_gradient_longer_than_clip_norm_is_shortened_to_it() -> None:
    pair = Pair(clip_norm=0.5)
    phase = phases_of(pair)
    with phase("left") as loss:
        loss["x"] = (pair.left * torch.tensor([3.0, 4.0])).sum()
    adam = phase.optimizers["left"].optimizer
    torch.testing.assert_close(adam.state[pair.left]["exp_avg"], 0.1 * torch.tensor([0.3, 0.4]))


def test_an_unknown_group_and_an_empty_phase_are_refused() -> None:
    phase = phases_of(Pair())
    with (
        pytest.raises(UgbenchError, match=r"test_step\.py:\d+: no group is called 'up'. Known: left, right."),
        phase("up"),
    ):
        pass
    with pytest.raises(UgbenchError, match=r"test_step\.py:\d+: the phase 'left' has no loss terms"), phase("left"):
        pass


def test_groups_must_be_disjoint_and_cover_every_parameter() -> None:
    pair = Pair()
    pair.groups = lambda: {"left": Group((pair.left,), 0.1)}  # type: ignore[method-assign]
    with pytest.raises(UgbenchError, match="no group trains right; put each parameter into a group"):
        phases_of(pair)
    pair.groups = lambda: {"left": Group((pair.left,), 0.1), "too": Group((pair.left, pair.right), 0.1)}  # type: ignore[method-assign]
    with pytest.raises(UgbenchError, match="left is in the groups left and too"):
        phases_of(pair)


def test_a_phase_within_a_phase_is_refused() -> None:
    phase = phases_of(Pair())
    with (
        pytest.raises(UgbenchError, match="the phase 'right' is within the phase 'left'"),
        phase("left"),
        phase("right"),
    ):
        pass


def test_a_phase_whose_terms_do_not_depend_on_its_groups_is_refused() -> None:
    pair = Pair()
    with pytest.raises(UgbenchError, match="no loss term of the phase 'left' depends on parameters of left"):  # noqa: SIM117
        with phases_of(pair)("left") as loss:
            loss["x"] = pair.left.detach().sum()


@pytest.mark.parametrize("loss_scale", [None, LossScale()], ids=["fp32", "fp16"])
def test_a_phase_whose_terms_depend_on_other_groups_alone_is_refused(loss_scale: LossScale | None) -> None:
    pair = Pair()
    before_the_phase = pair.right.square().sum()
    phase = Phases(build_optimizers(pair), loss_scale=loss_scale)  # type: ignore[arg-type]
    with pytest.raises(UgbenchError, match="no loss term of the phase 'left' depends on parameters of left"):  # noqa: SIM117
        with phase("left") as loss:
            loss["x"] = before_the_phase


def test_a_phase_that_goes_back_through_updated_weights_is_refused() -> None:
    pair = Pair()
    phase = phases_of(pair)
    shared = (pair.left.square() * pair.right).sum()
    with phase("right") as loss:
        loss["x"] = pair.right.square().sum()
    with pytest.raises(UgbenchError, match="the phase 'left' needs gradients through weights that an earlier phase"):  # noqa: SIM117
        with phase("left") as loss:
            loss["y"] = shared


def test_a_phase_that_goes_back_twice_through_one_graph_is_refused() -> None:
    pair = Pair()
    phase = phases_of(pair)
    shared = (pair.left * pair.right).exp().sum()
    with phase("right") as loss:
        loss["x"] = shared
    with pytest.raises(UgbenchError, match="the phase 'left' needs gradients through what an earlier phase"):  # noqa: SIM117
        with phase("left") as loss:
            loss["y"] = shared


def test_a_parameter_that_requires_no_grad_is_in_no_group() -> None:
    pair = Pair()
    pair.right.requires_grad_(False)
    with pytest.raises(UgbenchError, match="the group right has right, which requires no grad"):
        phases_of(pair)
    pair.groups = lambda: {"left": Group((pair.left,), 0.1)}  # type: ignore[method-assign]
    assert phases_of(pair).optimizers.keys() == {"left"}


def test_losses_of_the_last_period_are_kept_and_sorted() -> None:
    pair = Pair()
    phases = Phases(build_optimizers(pair), period=3)  # type: ignore[arg-type]
    kept = []
    for step, group in enumerate(("left", "right", "left+right", "left", "right", "right")):
        phases.begin_step(step)
        with phases(*group.split("+")) as loss:
            loss["x"] = step + 0.0 * (pair.left.sum() + pair.right.sum())
        phases.end_step()
        kept.append([(name, int(value)) for name, value in phases.losses.items()])
    assert kept == [
        [("left/x", 0)],
        [("left/x", 0), ("right/x", 1)],
        [("left+right/x", 2), ("left/x", 0), ("right/x", 1)],
        [("left+right/x", 2), ("left/x", 3), ("right/x", 1)],
        [("left+right/x", 2), ("left/x", 3), ("right/x", 4)],
        [("left/x", 3), ("right/x", 5)],
    ]


def test_losses_of_a_method_without_a_period_have_the_order_of_the_last_step() -> None:
    pair = Pair()
    phases = phases_of(pair)
    for step, groups in enumerate((("right",), ("left", "right"))):
        phases.begin_step(step)
        for group in groups:
            with phases(group) as loss:
                loss["x"] = pair.left.sum() + pair.right.sum()
        phases.end_step()
    assert list(phases.losses) == ["left/x", "right/x"]


def test_losses_of_a_period_that_was_interrupted_are_restored() -> None:
    pair = Pair()
    first, second = (Phases(build_optimizers(pair), period=3) for _ in "ab")  # type: ignore[arg-type]
    for step, group in enumerate(("left", "right")):
        first.begin_step(step)
        with first(group) as loss:
            loss["x"] = step + 0.1 + 0.0 * (pair.left.sum() + pair.right.sum())
        first.end_step()
    second.restore_losses(first.earlier_losses())
    for phases in (first, second):
        phases.begin_step(2)
        with phases("left") as loss:
            loss["y"] = 0.0 * pair.left.sum()
        phases.end_step()
    assert {name: value.tolist() for name, value in second.losses.items()} == {
        name: value.tolist() for name, value in first.losses.items()
    }
    assert list(second.losses) == list(first.losses) == ["left/x", "left/y", "right/x"]
