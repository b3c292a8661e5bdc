"""Networks run in bfloat16; what a step computes from their outputs is in float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from ugbench.method import Batch, Group
from ugbench.training.network_precision import run_networks_in, upcast_all
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

CPU = torch.device("cpu")


class Encoder(nn.Module):
    """A network in the style of public code: it is used by methods other than forward."""

    def __init__(self) -> None:
        super().__init__()
        self.content = nn.Conv2d(3, 4, 3, padding=1)
        self.seen: list[torch.dtype] = []

    def encode(self, x: Tensor) -> Tensor:
        code: Tensor = self.content(x)
        self.seen.append(code.dtype)
        return code


class TwoNetworks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.critics = nn.ModuleList([nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3))])
        self.inner: list[torch.dtype] = []
        self.critics[0][0].register_forward_hook(lambda _m, _a, output: self.inner.append(output.dtype))

    def groups(self) -> dict[str, Group]:
        return {"all": Group(tuple(self.parameters()), 1e-3)}

    def step(self, batch: Batch, phase: Phases) -> None:
        code = self.encoder.encode(batch.a)
        gram = code.flatten(2) @ code.flatten(2).transpose(1, 2)
        logits = self.critics[0](code)
        self.outer = {"code": code.dtype, "gram": gram.dtype, "logits": logits.dtype}
        with phase("all") as loss:
            loss["gram"] = gram.square().mean()
            loss["real"] = (logits - 1).square().mean()


def trained(precision: str, steps: int = 1) -> tuple[TwoNetworks, Phases]:
    torch.manual_seed(0)
    method = TwoNetworks()
    run_networks_in(method, precision, CPU)  # type: ignore[arg-type]
    phases = Phases(build_optimizers(method))  # type: ignore[arg-type]
    for step in range(steps):
        train_step(method, phases, Batch(torch.rand(2, 3, 16, 16), torch.zeros(2, 3, 16, 16), step=step))  # type: ignore[arg-type]
    return method, phases


def test_inside_a_network_is_bfloat16_and_outside_float32() -> None:
    method, phases = trained("bf16")
    assert method.inner == [torch.bfloat16]
    assert set(method.outer.values()) == {torch.float32}
    assert {value.dtype for value in phases.losses.values()} == {torch.float32}
    assert {tensor.dtype for tensor in method.state_dict().values()} == {torch.float32}


def test_a_part_that_another_method_of_its_network_calls_runs_in_bfloat16_too() -> None:
    torch.manual_seed(0)
    method, plain = TwoNetworks(), TwoNetworks()
    plain.load_state_dict(method.state_dict())
    run_networks_in(method, "bf16", CPU)
    x = torch.rand(1, 3, 16, 16)
    code = method.encoder.encode(x)
    assert code.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        expected = plain.encoder.encode(x)
    assert expected.dtype == torch.bfloat16
    assert code.equal(expected.float())


def test_in_float32_nothing_is_added() -> None:
    method, _ = trained("fp32")
    assert method.inner == [torch.float32]
    assert not method.encoder._forward_pre_hooks


def test_losses_that_a_method_computes_without_care_are_near_those_of_float32() -> None:
    exact, half = (trained(precision)[1].losses for precision in ("fp32", "bf16"))
    for term, value in half.items():
        assert value.item() == pytest.approx(exact[term].item(), rel=0.02)
        assert value.item() != exact[term].item()


def test_a_network_that_was_updated_in_a_step_runs_with_its_new_weights() -> None:
    torch.manual_seed(0)
    method = TwoNetworks()
    run_networks_in(method, "bf16", CPU)
    phases = Phases(build_optimizers(method))  # type: ignore[arg-type]
    x = torch.rand(1, 3, 16, 16)
    outputs = []

    def step(_batch: Batch, phase: Phases) -> None:
        for _ in range(2):
            code = method.encoder.encode(x)
            outputs.append(code.detach())
            with phase("all") as loss:
                loss["code"] = 100 * code.square().mean()
        outputs.append(method.encoder.encode(x).detach())

    method.step = step  # type: ignore[method-assign]
    phases.optimizers["all"].group.schedule(0)
    train_step(method, phases, Batch(x, x))  # type: ignore[arg-type]
    assert not outputs[0].equal(outputs[1])
    assert not outputs[1].equal(outputs[2])


def test_an_error_within_a_network_leaves_no_autocast_behind() -> None:
    method, _ = trained("bf16")
    with pytest.raises(RuntimeError):
        method.critics[0](torch.zeros(1, 7, 16, 16))
    assert not torch.is_autocast_enabled("cpu")
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    assert method.critics[0](torch.zeros(1, 4, 16, 16)).dtype == torch.float32
    assert method.inner[-1] == torch.bfloat16


class Named(NamedTuple):
    image: Tensor
    name: str


@dataclass(frozen=True)
class Output:
    image: Tensor
    logits: Tensor | None


def test_tensors_in_structures_become_float32() -> None:
    half = torch.ones(2, dtype=torch.bfloat16)
    whole = torch.arange(2)
    named, (output, other), by_name = upcast_all((Named(half, "x"), [Output(half, None), whole], {"a": half}))
    assert (type(named), named.image.dtype, named.name) == (Named, torch.float32, "x")
    assert (type(output), output.image.dtype, output.logits) == (Output, torch.float32, None)
    assert other is whole
    assert by_name["a"].dtype == torch.float32
