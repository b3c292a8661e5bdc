"""A method that breaks a rule of the interface is refused in one sentence before its run is made."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_images import make_data_set
from torch import Tensor, nn
from toy_runs import Toy, ToyConfig

from ugbench import registry
from ugbench.errors import UgbenchError
from ugbench.method import Batch, Group, Phase
from ugbench.training import prepare
from ugbench.training.request import Request


class LeftOut(Toy):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.average = nn.Conv2d(3, 3, 1)


class Shared(Toy):
    def groups(self) -> dict[str, Group]:
        groups = super().groups()
        return {**groups, "more": Group(groups["generators"].parameters[:1], 0.1)}


class Empty(Toy):
    def groups(self) -> dict[str, Group]:
        return {**super().groups(), "none": Group((), 0.1)}


class NoScalar(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminators") as loss:
            loss["real"] = (self.discriminator(batch.b) - 1).square().mean((1, 2, 3))  # the line


class UnknownGroup(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminator") as loss:  # the line
            loss["real"] = self.discriminator(batch.b).mean()


class ReadsAValue(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminators") as loss:
            loss["real"] = self.discriminator(batch.b).mean()
            self.last = loss["real"].item()  # the line


class ReadsAValueInItsSecondStep(Toy):
    period = 2

    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminators") as loss:
            loss["real"] = self.discriminator(batch.b).mean()
        if batch.step % 2 and batch.a.mean() > 0:  # the line
            self.done += 1


class ReadsAValueWhenBuilt(Toy):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.rates = torch.linspace(0, 1, 3).tolist()  # the line


class PlainTensor(Toy):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.generator.mean = torch.zeros(3)


class KeepsTheGraph(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminators") as loss:
            loss["real"] = self.discriminator(batch.b).mean()
        self.memory.lerp_(self.generator(batch.a).mean((0, 2, 3)), 0.5)


class SharesUpdatedWeights(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        fake = torch.tanh(self.generator(batch.a))
        judged = self.discriminator(fake)
        with phase("discriminators") as loss:
            loss["real"] = self.discriminator(batch.b).square().mean()
        with phase("generators") as loss:  # the line
            loss["adversarial"] = judged.square().mean()


class OtherInference(Toy):
    def inference(self) -> dict[str, nn.Module]:
        return {"G": self.generator}


class SmallerOutput(Toy):
    def translate(self, x: Tensor, direction: str, style: Tensor | None = None) -> Tensor:
        return self.generator(x)[..., 1:]


class Bug(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        raise KeyError("typo")  # the line


class Counts(Toy):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.n = 0

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        self.n += 1


class KeepsAList(Toy):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.pool: list[Tensor] = []

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        self.pool.append(batch.a)


class KeepsAFake(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        self.generator.last = batch.a.detach()


class ChangesAPassingBuffer(Toy):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        self.seen += 1


class DrawsByPython(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(replace(batch, a=batch.a * random.random()), phase)


class DrawsByNumPy(Toy):
    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(replace(batch, a=batch.a * float(np.random.rand())), phase)


class OneWayInference(Toy):
    def translate(self, x: Tensor, direction: str, style: Tensor | None = None) -> Tensor:
        return self.generator(x) + (self.discriminator(x).mean() if direction == "B2A" else 0)


class ListInference(Toy):
    def inference(self) -> dict[str, nn.Module]:
        return ["generator"]  # type: ignore[return-value]


class TupleOutput(Toy):
    def translate(self, x: Tensor, direction: str, style: Tensor | None = None) -> Tensor:
        return (self.generator(x),)  # type: ignore[return-value]


class SetsUpACache(Toy):
    grid: Tensor | None = None

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        if self.grid is None:
            self.grid = torch.zeros_like(batch.a)


def line_of(method: type[Toy]) -> int:
    """The line in this file that is marked in the method."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"class {method.__name__}("))
    return next(number for number, line in enumerate(lines[first:], first + 1) if line.endswith("# the line"))


Ask = Callable[[type[Toy]], Request]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """ask(class) installs a method under the name `theirs` and requests a run of it."""
    data = make_data_set(tmp_path / "data", trainA=2, trainB=2)

    def make(method: type[Toy]) -> Request:
        monkeypatch.setattr(registry, "load_method", lambda _name: method)
        return Request("theirs", str(data), tmp_path / "results", tmp_path, torch.device("cpu"))

    return make


HIDDEN: Mapping[type[Toy], str] = {
    Counts: "the attribute n",
    KeepsAList: "the attribute pool",
    KeepsAFake: "the attribute generator.last",
    ChangesAPassingBuffer: "the buffer seen",
    DrawsByPython: "Python's generator of random numbers",
    DrawsByNumPy: "NumPy's generator of random numbers",
}
REFUSED: Mapping[type[Toy], str] = {
    LeftOut: "no group trains average.bias, average.weight; put each parameter into a group, or give it no grad "
    "(requires_grad_(False)) if the step itself changes it.",
    Shared: "generator.weight is in the groups generators and more; groups must be disjoint.",
    Empty: "the group none has no parameters; leave the group out.",
    NoScalar: "{line}: the loss term 'real' of the phase 'discriminators' has the shape (1,); a term is a scalar "
    "tensor, such as the mean over the samples.",
    UnknownGroup: "{line}: no group is called 'discriminator'; did you mean 'discriminators'? Known: discriminators, "
    "generators.",
    ReadsAValue: "{line}: theirs reads the value of a tensor there; compute with tensors alone, as in torch.where, so "
    "that a step never waits for the device.",
    ReadsAValueInItsSecondStep: "{line}: theirs reads the value of a tensor there; compute with tensors alone, as in "
    "torch.where, so that a step never waits for the device.",
    ReadsAValueWhenBuilt: "{line}: theirs reads the value of a tensor while it is built; compute with numbers, because "
    "networks are also built on the meta device, without values.",
    PlainTensor: "the method's attribute generator.mean is a plain tensor; make it a buffer (register_buffer), so that "
    "it moves to the device with the networks.",
    KeepsTheGraph: "a training step changes memory outside of torch.no_grad(), so that it keeps the graph of every "
    "step; change it in a `with torch.no_grad():` block, or by what was detached.",
    SharesUpdatedWeights: "{line}: the phase 'generators' needs gradients through weights that an earlier phase of "
    "this step has updated; compute its losses anew after that phase, or detach what both phases share in one of them.",
    Bug: "{line}: theirs fails there (KeyError: 'typo'); correct it.",
    OneWayInference: "translation calls discriminator, which inference() of the method does not name; add it there.",
    ListInference: "inference() of the method gives a list; it gives a dict of networks.",
    TupleOutput: "translate(A2B) of the method gives a tuple; it gives a tensor.",
    OtherInference: "inference() of the method names G, which is not its attribute of that name.",
    SmallerOutput: "translate(A2B) of the method makes (1, 3, 8, 7) of (1, 3, 8, 8); both shapes must be equal.",
}


@pytest.mark.parametrize("method", REFUSED, ids=lambda method: method.__name__)
@pytest.mark.parametrize("begin", [prepare.prepare, prepare.planned_run])
def test_a_method_that_breaks_a_rule_is_refused_and_leaves_no_run_behind(
    method: type[Toy], begin: Callable[[Request], Any], ask: Ask
) -> None:
    request = ask(method)
    line = f"{__file__}:{line_of(method)}" if "{line}" in REFUSED[method] else ""
    with pytest.raises(UgbenchError) as refused:
        begin(request)
    assert str(refused.value) == REFUSED[method].replace("{line}", line)
    assert not request.results.exists()


@pytest.mark.parametrize("method", HIDDEN, ids=lambda method: method.__name__)
@pytest.mark.parametrize("begin", [prepare.prepare, prepare.planned_run])
def test_what_a_step_changes_without_a_checkpoint_knowing_is_said(
    method: type[Toy], begin: Callable[..., Any], ask: Ask
) -> None:
    said: list[str] = []
    begin(ask(method), said.append)
    assert said[-1] == (
        f"a training step of theirs changes {HIDDEN[method]}, which no checkpoint has: where later steps depend on it, "
        "a training that is interrupted ends differently; use a persistent buffer, `batch.step` or `draws()`."
    )


@pytest.mark.parametrize("method", [Toy, SetsUpACache])
def test_a_method_that_keeps_the_rules_is_prepared(method: type[Toy], ask: Ask) -> None:
    said: list[str] = []
    run, images, _ = prepare.prepare(ask(method), said.append)
    assert not any("training step" in sentence for sentence in said)
    assert run.path.is_dir()
    assert images is not None and images.a.shape == (2, 3, 9, 9)
