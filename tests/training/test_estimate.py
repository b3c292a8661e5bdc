"""The size of a training, from shapes: equal to what a real training stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from drawn_images import save_flat

from ugbench import registry
from ugbench.runs.run import Run
from ugbench.training.estimate import cropped_image_bytes, estimate, image_bytes
from ugbench.training.images import Images
from ugbench.training.loop import train


def test_weights_moments_and_files_are_counted_to_the_byte(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    sizes = estimate("toy", run.config.method_config(), "fp32")
    parameters, buffers = 4 * (84 + 28), 4 * 3 + 8
    assert sizes.state == buffers + 4 * parameters  # weights, gradients and two moments
    assert sizes.checkpoint == buffers + 3 * parameters
    assert sizes.generators == 4 * 84
    train(run, images, torch.device("cpu"))
    stored = sum(file.stat().st_size for file in run.checkpoint(run.step()).glob("*.safetensors"))
    assert sizes.checkpoint <= stored <= sizes.checkpoint + 4096  # headers, and the steps of Adam


def test_what_a_step_keeps_grows_with_the_batch_and_not_with_the_number_of_steps() -> None:
    method = registry.load_method("cyclegan")

    def saved(**fields: int) -> int:
        return estimate(
            "cyclegan", method.make_config("smoke", overrides={"size": 32, "steps": 4, **fields}), "fp32"
        ).saved

    assert saved(batch_size=4) / saved(batch_size=2) == pytest.approx(2, rel=0.1)
    assert saved(steps=400) == saved(steps=4)


def test_a_tensor_that_a_graph_keeps_is_counted_once_until_the_graph_is_freed() -> None:
    """x and y are kept by two operations each; y.detach() is the same memory."""
    from ugbench.training.estimate import _SavedTensors

    weight = torch.zeros(10, requires_grad=True)
    counter = _SavedTensors([weight])
    x = torch.zeros(10)
    with torch.autograd.graph.saved_tensors_hooks(counter.pack, counter.unpack):
        for _ in range(2):
            y = weight * x
            loss = (y * y).sum() + (y * y.detach()).sum()
            loss.backward()
    assert counter.peak == 2 * 10 * 4  # x and y, not the weight, and not twice for two steps


def test_training_images_are_kept_at_the_size_before_cropping() -> None:
    assert image_bytes(286, 10) == 10 * 3 * 286 * 286
    assert image_bytes((286, 572), 10) == 10 * 3 * 286 * 572


def test_images_that_training_crops_are_counted_at_their_own_shape(tmp_path: Path) -> None:
    for name, shape in (("wide.png", (20, 10)), ("high.png", (10, 30))):
        save_flat(tmp_path / name, shape)
    assert cropped_image_bytes(286, sorted(tmp_path.iterdir())) == 3 * (286 * 572 + 286 * 858)
    assert cropped_image_bytes((572, 286), sorted(tmp_path.iterdir())) == 3 * (572 * 1716 + 572 * 286)
