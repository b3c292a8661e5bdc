"""Stored outputs say which checkpoint made them, also while the run trains on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ugbench.analysis import neighbours
from ugbench.data.datasets import DataSet
from ugbench.data.tensors import load_images
from ugbench.errors import RunError
from ugbench.inference.test_set import make_maps, make_outputs
from ugbench.inference.translate import load, translate
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import are_stored, outputs_of, outputs_step
from ugbench.training.images import Images
from ugbench.training.loop import Intervals, train

CPU = torch.device("cpu")


@pytest.fixture
def dataset(tmp_path: Path) -> DataSet:
    root = tmp_path / "d"
    for split in ("trainB", "testA", "testB"):
        (root / split).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (8, 8), (40 * number, 90, len(split))).save(root / split / f"{number}.png")
    return DataSet("d", root, None)


@pytest.fixture
def training(make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of 8 steps at step 4, which does the others while somebody waits for the lock of its outputs."""
    run = make_run()
    train(run, images, CPU, Intervals(save_every=4, keep=None))
    later = run.checkpoint(8).rename(run.path / "later")
    lock = Run.outputs_lock

    @contextmanager
    def after_waiting(self: Run) -> Iterator[None]:
        with lock(self):
            if later.exists():
                later.rename(run.checkpoint(8))
            yield

    monkeypatch.setattr(Run, "outputs_lock", after_waiting)
    return run


def outputs_at(run: Run, dataset: DataSet, step: int) -> torch.Tensor:
    method, _ = load(run, CPU, step)
    return torch.cat(list(translate(method, load_images(dataset.split("testA"), 8), "A2B")))[:, 0]


def test_the_step_beside_outputs_is_that_of_the_weights_that_made_them(training: Run, dataset: DataSet) -> None:
    make_outputs(training, dataset, "A2B", CPU)
    outputs = outputs_of(training, dataset, "A2B")
    made = load_images(outputs.files, 8)
    assert outputs_step(training, "A2B") == 8
    assert are_stored(training, dataset, "A2B", outputs)
    assert torch.equal(made, outputs_at(training, dataset, 8))
    assert not torch.equal(made, outputs_at(training, dataset, 4))


def test_the_step_of_attention_maps_is_that_of_the_weights_that_made_them(
    training: Run, dataset: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def maps(method: Any, images: torch.Tensor, *_: Any, **__: Any) -> list[dict[str, torch.Tensor]]:
        return [{"sum": method.generator.weight.sum().repeat(len(images), 1, 1, 1)}]

    monkeypatch.setattr("ugbench.inference.test_set.attention_maps", maps)
    made = make_maps(training, dataset, "A2B", CPU)
    assert made.step == 8
    assert made.maps["sum"][0].item() == load(training, CPU, 8)[0].generator.weight.sum().item()


def test_neighbours_are_those_of_outputs_of_the_step_that_they_state(
    training: Run, dataset: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Evaluation:
        class request:
            class networks:
                device, further = CPU, ()

        def features(self, files: Any, _transform: Any) -> torch.Tensor:
            return load_images(list(files), 8).flatten(1).float()

    monkeypatch.setattr(neighbours, "dataset_of", lambda _: dataset)
    monkeypatch.setattr(neighbours, "are_known", lambda *_: True)
    monkeypatch.setattr(neighbours, "training_images", lambda *_: dataset.split("trainB"))
    found = neighbours.neighbours_of(Evaluation(), training, "A2B")  # type: ignore[arg-type]
    assert found.step == outputs_step(training, "A2B")
    files = sorted(neighbour.file for neighbour in found.outputs)
    assert torch.equal(load_images(files, 8), outputs_at(training, dataset, found.step or 0))


def test_outputs_of_a_run_that_saved_nothing_are_refused(make_run: Callable[..., Run], dataset: DataSet) -> None:
    with pytest.raises(RunError, match=r"has no checkpoint yet; kept: none"):
        make_outputs(make_run(), dataset, "A2B", CPU)
