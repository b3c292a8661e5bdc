"""Parameters and FLOPs of a training step: counted on shapes as in a real step, and written into the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ugbench import registry
from ugbench.runs import checkpoint, method_description
from ugbench.runs.run import Run
from ugbench.training.bench import bench
from ugbench.training.callbacks import Callbacks
from ugbench.training.counts import count
from ugbench.training.images import Images
from ugbench.training.loop import Intervals, train

CPU = torch.device("cpu")


def test_counts_are_those_that_bench_takes_from_a_real_step() -> None:
    config = registry.load_method("cyclegan").make_config("smoke", overrides={"size": 32, "steps": 10})
    counts = count("cyclegan", config)
    real = bench("cyclegan", config, CPU, "fp32", steps=1, warmup_steps=0)
    assert counts.parameters == real["parameters"]
    assert counts.flops_per_step == real["flops_per_step"]


@pytest.mark.parametrize("name", registry.modules("methods"))
def test_an_imported_config_without_steps_is_counted_too(name: str) -> None:
    method = registry.load_method(name)
    config = method.make_config("smoke", overrides={"size": 32})
    without_steps = config.model_copy(update={"steps": None, "epochs": None})
    assert count(name, without_steps) == count(name, config.resolved(10, 10))
    assert count(name, without_steps).title == method.title


def test_training_writes_what_is_counted_on_shapes(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    assert method_description.read(run) is None
    train(run, images, CPU)
    description = method_description.read(run)
    assert description == count("toy", run.config.method_config())
    assert description.title == "toy"
    assert description.directions == ("A2B", "B2A")
    assert description.parameters == {"generator": 84, "discriminator": 28}
    assert description.flops_per_step


def test_a_title_of_the_method_is_written(
    make_run: Callable[..., Run], images: Images, toy: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy, "title", "Toy-GAN")
    run = make_run()
    train(run, images, CPU)
    description = method_description.read(run)
    assert description is not None and description.title == "Toy-GAN"


class Interrupted(Exception):
    """Stops a training after its first checkpoint."""


@pytest.mark.parametrize("stop_after", [4, 8])
def test_a_run_of_an_older_version_gets_its_description_when_it_is_trained_again(
    make_run: Callable[..., Run], images: Images, stop_after: int
) -> None:
    def on_step(step: int, _steps: int, _losses: object) -> None:
        if step == stop_after:
            raise Interrupted

    run = make_run()
    with pytest.raises(Interrupted):
        train(run, images, CPU, Intervals(save_every=2), Callbacks(on_step=on_step))
    before = method_description.read(run)
    run.method_file.unlink()
    train(run, images, CPU)
    assert before is not None and method_description.read(run) == before


def test_counting_the_first_step_changes_no_bit(make_run: Callable[..., Run], images: Images) -> None:
    counted, uncounted = make_run("counted"), make_run("uncounted")
    method_description.write(uncounted, count("toy", uncounted.config.method_config()))
    digests = []
    for run in (counted, uncounted):
        train(run, images, CPU)
        digests.append((digest_of(run), run.metrics_file.read_bytes()))
    assert digests[0] == digests[1]


def test_only_the_first_step_of_a_run_is_counted(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    monkeypatch.setattr(method_description, "write", lambda run, description: written.append(description))
    run = make_run("toy")
    train(run, images, CPU)
    assert run.steps > 1 and len(written) == 1


def digest_of(run: Run) -> str:
    return checkpoint.digest(checkpoint.load(run.checkpoint(run.steps)).parts["method"])
