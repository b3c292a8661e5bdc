"""A run's method is loaded from the weights that were asked for, and translates image by image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ugbench.errors import RunError, UsageError
from ugbench.inference.attention import attention_names
from ugbench.inference.translate import check_direction, load, translate
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training.loop import Images, Intervals, train

CPU = torch.device("cpu")


@pytest.fixture
def run(make_run: Callable[..., Run], images: Images) -> Run:
    """A run of 8 steps with checkpoints of the steps 4 and 8."""
    trained = make_run()
    train(trained, images, CPU, Intervals(save_every=4))
    return trained


@pytest.mark.parametrize(("step", "loaded_step"), [(None, 8), (4, 4), (8, 8)])
@pytest.mark.parametrize("all_networks", [False, True])
def test_the_weights_are_those_of_the_step(run: Run, step: int | None, loaded_step: int, all_networks: bool) -> None:
    method, trained_steps = load(run, CPU, step, all_networks)
    saved = checkpoint.load(run.checkpoint(loaded_step)).parts["method"]
    assert trained_steps == loaded_step
    assert torch.equal(method.generator.weight, saved["generator.weight"])
    assert method.discriminator.weight.is_meta is not all_networks
    assert not method.training and not method.generator.weight.requires_grad


def test_a_step_without_a_checkpoint_is_refused_with_the_stored_ones(run: Run) -> None:
    with pytest.raises(RunError, match="has no checkpoint of step 5; kept: 4, 8"):
        load(run, CPU, 5)


@pytest.mark.parametrize("all_networks", [False, True])
def test_a_run_that_saved_nothing_is_refused(make_run: Callable[..., Run], all_networks: bool) -> None:
    with pytest.raises(RunError, match=r"nothing was saved yet|has no checkpoint yet; kept: none"):
        load(make_run(), CPU, None, all_networks)


def test_outputs_do_not_depend_on_the_batch_size(run: Run, images: Images) -> None:
    method, _ = load(run, CPU)
    sources = images.a[:, :, :8, :8]
    small, large = (torch.cat(list(translate(method, sources, "A2B", batch_size=size))) for size in (3, 10))
    assert small.shape == (10, 1, 3, 8, 8) and small.dtype == torch.uint8
    assert torch.equal(small, large)


def test_a_run_of_one_direction_does_not_translate_in_the_other(run: Run) -> None:
    one_direction = Run(run.path, run.config.model_copy(update={"direction": "A2B"}))
    check_direction(one_direction, "A2B")
    with pytest.raises(UsageError, match=r"--direction B2A: run .* \(toy\) translates A2B only"):
        check_direction(one_direction, "B2A")


def test_a_method_without_attention_has_no_maps(run: Run) -> None:
    assert attention_names(load(run, CPU, all_networks=True)[0], "A2B") == ()
