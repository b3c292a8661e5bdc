"""A run's method is loaded from the weights that were asked for, and translates image by image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ugbench.errors import RunError, UgbenchError, UsageError
from ugbench.inference.attention import attention_maps, attention_names
from ugbench.inference.translate import check_direction, load, translate
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training.images import Images
from ugbench.training.loop import Intervals, train

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


def spoil(run: Run, name: str, step: int = 8) -> None:
    """Make one value of a tensor NaN in a checkpoint of a run, and in the weights that translation needs."""
    saved = checkpoint.load(run.checkpoint(step))
    saved.parts["method"][name].view(-1)[0] = float("nan")
    checkpoint.save(run.checkpoints, saved)
    generators = {key: tensor for key, tensor in saved.parts["method"].items() if key.startswith("generator.")}
    checkpoint.write_tensors(run.generators_file, generators, {"step": str(step)})


@pytest.mark.parametrize("all_networks", [False, True])
def test_weights_that_are_not_finite_are_refused_by_name(run: Run, all_networks: bool) -> None:
    spoil(run, "generator.weight")
    with pytest.raises(RunError, match=r"weights at step 8, generator\.weight has 1 of 81 values that are NaN or inf"):
        load(run, CPU, None, all_networks)
    assert load(run, CPU, 4, all_networks)[1] == 4


def test_networks_that_are_not_used_may_hold_anything(run: Run) -> None:
    spoil(run, "discriminator.weight")
    assert load(run, CPU)[1] == 8
    with pytest.raises(RunError, match=r"discriminator\.weight has 1 of 27 values"):
        load(run, CPU, None, all_networks=True)


@pytest.mark.parametrize(("names", "called"), [(list("abcdefghij"), "g"), ((), "7")])
def test_a_translation_that_is_not_finite_is_named_and_gives_no_image(
    run: Run, images: Images, monkeypatch: pytest.MonkeyPatch, names: list[str], called: str
) -> None:
    method, _ = load(run, CPU)
    sources = images.a[:, :, :8, :8].clone()
    sources[6] = 255
    blind = torch.tensor(float("nan"))
    monkeypatch.setattr(method, "translate", lambda x, *_: x.where(x.amin((1, 2, 3), keepdim=True) < 1, blind))
    outputs = translate(method, sources, "A2B", batch_size=3, names=names)
    assert [len(next(outputs)) for _ in range(2)] == [3, 3]
    with pytest.raises(UgbenchError, match=f"^the translation of image {called} is NaN or infinite; use another run"):
        next(outputs)


def test_an_attention_map_that_is_not_finite_is_named(
    run: Run, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, _ = load(run, CPU)
    sources = images.a[:4, :, :8, :8].clone()
    sources[2] = 255
    blind = torch.tensor(float("nan"))
    monkeypatch.setattr(
        method, "attention", lambda x, _: {"main": x[:, :1].where(x.amin((1, 2, 3), keepdim=True) < 1, blind)}
    )
    with pytest.raises(UgbenchError, match=r"the attention map main of image c\.png is NaN or infinite"):
        list(attention_maps(method, sources, "A2B", batch_size=2, names=["a.png", "b.png", "c.png", "d.png"]))


def test_a_network_that_has_no_weights_is_not_computed_with(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    method, _ = load(run, CPU)
    monkeypatch.setattr(method, "attention", lambda x, _: {"main": method.discriminator(x)})
    with pytest.raises(RunError, match=rf"^run {run.id} \(toy\) has no weights of discriminator, which this needs"):
        attention_names(method, "A2B")


def test_a_run_of_one_direction_does_not_translate_in_the_other(run: Run) -> None:
    one_direction = Run(run.path, run.config.model_copy(update={"direction": "A2B"}))
    check_direction(one_direction, "A2B")
    with pytest.raises(UsageError, match=r"--direction B2A: run .* \(toy\) translates A2B only"):
        check_direction(one_direction, "B2A")


def test_a_method_without_attention_has_no_maps(run: Run) -> None:
    assert attention_names(load(run, CPU, all_networks=True)[0], "A2B") == ()
