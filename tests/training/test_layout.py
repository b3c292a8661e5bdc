"""Networks that are channels-last, as on a GPU, train as others do, and their checkpoints are the same."""

from __future__ import annotations

import pytest
import torch
from method_cases import build
from torch import Tensor

from ugbench.contract.small_methods import phases_of, random_batch
from ugbench.method import Method
from ugbench.registry import modules
from ugbench.runs import checkpoint
from ugbench.training.layout import move_to, use_channels_last
from ugbench.training.optimizers import load_state_tensors, state_tensors
from ugbench.training.step import Phases, train_step

LAST = torch.channels_last


def trained(name: str, channels_last: bool) -> tuple[Method, Phases]:
    torch.manual_seed(0)
    method = build(name, None).double().train()
    if channels_last:
        use_channels_last(method)
    phases = phases_of(method)
    for step in range(2):
        torch.manual_seed(step)
        train_step(method, phases, random_batch(method, dtype=torch.float64, step=step))
    return method, phases


def many_channels(state: dict[str, Tensor]) -> list[Tensor]:
    """The tensors of four dimensions whose layout their strides tell."""
    return [tensor for tensor in state.values() if tensor.ndim == 4 and min(tensor.shape[1:]) > 1]


@pytest.mark.parametrize("name", list(modules("methods")))
def test_a_method_trains_alike_in_both_layouts(name: str) -> None:
    (method, phases), (usual, usual_phases) = (trained(name, channels_last) for channels_last in (True, False))
    weights = many_channels(method.state_dict())
    assert weights and all(weight.is_contiguous(memory_format=LAST) for weight in weights)
    assert list(phases.losses) == list(usual_phases.losses)
    for term, value in phases.losses.items():
        torch.testing.assert_close(value, usual_phases.losses[term], rtol=1e-9, atol=1e-12)
    for key, tensor in method.state_dict().items():
        torch.testing.assert_close(tensor, usual.state_dict()[key], rtol=1e-6, atol=1e-9)


def test_a_layout_is_no_part_of_a_checkpoint() -> None:
    method, (other, _) = build("cyclegan", None), trained("cyclegan", False)
    before = checkpoint.digest(method.state_dict())
    use_channels_last(method)
    assert checkpoint.digest(method.state_dict()) == before
    method.double().load_state_dict(other.state_dict())
    assert checkpoint.digest(method.state_dict()) == checkpoint.digest(other.state_dict())
    assert all(weight.is_contiguous(memory_format=LAST) for weight in many_channels(method.state_dict()))


def test_moments_from_a_checkpoint_get_the_strides_of_their_parameters() -> None:
    _, phases = trained("cyclegan", True)
    stored = {key: tensor.contiguous() for key, tensor in state_tensors(phases.optimizers).items()}
    load_state_tensors(phases.optimizers, stored)
    for optimizer in phases.optimizers.values():
        for parameter, state in optimizer.optimizer.state.items():
            assert state["exp_avg"].stride() == state["exp_avg_sq"].stride() == parameter.stride()
    loaded = state_tensors(phases.optimizers)
    assert loaded.keys() == stored.keys()
    assert all(loaded[key].equal(stored[key]) for key in stored)


def test_only_a_gpu_has_channels_last() -> None:
    method = build("cyclegan", None)
    move_to(method, torch.device("cpu"))
    assert not any(weight.is_contiguous(memory_format=LAST) for weight in many_channels(method.state_dict()))
