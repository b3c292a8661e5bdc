"""float16: small gradients survive, an overflow halves the scale and repeats the backward pass, ten in a row stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn
from toy_runs import Crash, crash_after

from ugbench import registry
from ugbench.device import autocast, pick_precision
from ugbench.errors import NonFiniteLoss
from ugbench.method import Group
from ugbench.nn.factored_linear import FactoredLinear
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training import loss_scale as module
from ugbench.training import ready
from ugbench.training.activations import checkpoint_activations
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.loss_scale import LossScale
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=100, keep=None)


class HalfGradient(torch.autograd.Function):
    """The identity, whose gradient passes through float16, as within a network in float16."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return gradients[0].half().float()


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0]))
        self.layer = FactoredLinear(2, 2, bias=False)

    def groups(self) -> dict[str, Group]:
        return {"all": Group(tuple(self.parameters()), 0.1, optimizer="sgd", momentum=0.0)}


def updated(slope: float, scale: LossScale | None, clip_norm: float | None = None) -> tuple[Line, Phases]:
    """After one update by the gradient `slope` of each weight, which passes through float16."""
    torch.manual_seed(0)
    line = Line()
    groups = {"all": Group(tuple(line.parameters()), 0.1, optimizer="sgd", momentum=0.0, clip_norm=clip_norm)}
    line.groups = lambda: groups  # type: ignore[method-assign]
    phases = Phases(build_optimizers(line), 1, scale)  # type: ignore[arg-type]
    phases.begin_step(0)
    with phases("all") as loss:
        loss["line"] = slope * (HalfGradient.apply(line.weight) + line.layer(torch.ones(1, 2))[0]).sum()
    return line, phases


def test_a_gradient_too_small_for_float16_survives_with_the_scale_alone() -> None:
    def total() -> Tensor:
        return 1e-9 * HalfGradient.apply(weight).sum()

    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    plain = module.gradients_of(total(), [weight], (), "all")[weight]
    scaled = LossScale(2.0**16).gradients_of(total(), [weight], (), "all")[weight]
    assert plain.tolist() == [0, 0]
    torch.testing.assert_close(scaled, torch.tensor([1e-9, 1e-9]), rtol=1e-3, atol=0)


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_an_overflow_halves_the_scale_and_the_update_is_done_all_the_same(clip_norm: float | None) -> None:
    scale = LossScale(2.0**16, phases=7)
    line, phases = updated(3.0, scale, clip_norm)
    plain, _ = updated(3.0, None, clip_norm)
    assert asdict(scale) == {"scale": 2.0**14, "phases": 1}, "3 x 2^15 is beyond float16, 3 x 2^14 is not"
    assert phases.found_inf.item() == 0
    torch.testing.assert_close(line.weight, plain.weight)
    torch.testing.assert_close(line.layer.weight, plain.layer.weight)


def test_ten_overflows_in_a_row_change_nothing_and_are_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[bool] = []
    compute = module.gradients_of

    def counted(*args: object, keep_graph: bool = False) -> object:
        passes.append(keep_graph)
        return compute(*args, keep_graph=keep_graph)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "gradients_of", counted)
    line, phases = updated(1e9, LossScale(2.0**16))
    assert passes == [True] * 9 + [False]
    assert phases.found_inf.item() == 1
    assert line.weight.tolist() == [1.0, 2.0]


def test_a_loss_that_is_not_finite_is_not_tried_again() -> None:
    scale = LossScale(2.0**16)
    _, phases = updated(float("nan"), scale)
    assert phases.found_inf.item() == 1
    assert scale.scale == 2.0**16


def test_the_scale_is_doubled_after_many_phases_without_an_overflow() -> None:
    scale = LossScale(4.0, phases=module.GROWTH_INTERVAL - 1)
    updated(1.0, scale)
    assert asdict(scale) == {"scale": 8.0, "phases": 0}
    scale = LossScale(module.LARGEST, phases=module.GROWTH_INTERVAL - 1)
    updated(1e-6, scale)
    assert scale.scale == module.LARGEST


def in_float16(run: Run) -> Run:
    config = run.config.model_copy(update={"precision": "fp16"})
    return type(run)(run.path, config)


def final_digests(run: Run) -> dict[str, str]:
    saved = checkpoint.load(run.checkpoint(run.steps))
    return {part: checkpoint.digest(tensors) for part, tensors in saved.parts.items()} | {"notes": str(saved.notes)}


@pytest.mark.parametrize("step", [2, 5])
def test_a_resumed_run_has_the_scale_and_the_bits_of_one_that_was_not_interrupted(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(module, "GROWTH_INTERVAL", 3)
    monkeypatch.setattr(ready, "LossScale", lambda **fields: LossScale(**{"scale": 4.0, **fields}))
    whole, killed = in_float16(make_run("whole")), in_float16(make_run("killed"))
    train(whole, images, CPU, EVERY_TWO)

    with pytest.raises(Crash):
        train(killed, images, CPU, EVERY_TWO, crash_after(step))
    train(killed, images, CPU, EVERY_TWO)
    assert final_digests(killed) == final_digests(whole)
    assert checkpoint.load(whole.checkpoint(8)).notes["loss_scale"] == {"scale": 128.0, "phases": 1}


def test_a_run_whose_scale_cannot_help_is_saved_before_the_step(make_run: Callable[..., Run], images: Images) -> None:
    run = in_float16(make_run(explode_at=3, explode_in="gradient"))
    with pytest.raises(NonFiniteLoss, match=r"^step 4: the gradient of generators .* the state of step 3 is kept"):
        train(run, images, CPU, EVERY_TWO)


def test_fp16_is_never_chosen_without_being_asked_for() -> None:
    assert pick_precision("fp16", CPU) == "fp16"
    assert pick_precision("auto", CPU) in ("fp32", "bf16")
    with autocast("fp16", CPU):
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float16


def test_the_backward_pass_of_blocks_that_compute_their_activations_again_is_repeated_too() -> None:
    method_class = registry.load_method("cyclegan")
    fields = {"size": 32, "channels": 4, "checkpoint_activations": True}
    method = method_class(method_class.make_config("smoke", None, fields).resolved(10, 10))
    checkpoint_activations(method)
    network = next(iter(method.inference().values()))
    parameters = list(network.parameters())

    def total() -> Tensor:
        return 1e3 * network(torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)).square().mean()

    scale = LossScale(2.0**118)
    scaled = scale.gradients_of(total(), parameters, (), "all")
    assert scale.scale < 2.0**118, "it has overflowed"
    plain = module.gradients_of(total(), parameters, (), "all")
    for parameter in parameters:
        torch.testing.assert_close(scaled[parameter], plain[parameter])
