"""Sample grids show what there is to show, and one that cannot be made never stops training."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import call_in
from PIL import Image
from styled_method import built
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from toy_runs import Toy

from ugbench.data.images import read_image
from ugbench.data.overlay import overlay
from ugbench.data.styles import draw_styles
from ugbench.data.tensors import to_float, to_tensor, to_uint8
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training.callbacks import Callbacks
from ugbench.training.images import Images
from ugbench.training.loop import Intervals, train
from ugbench.training.samples import SampleGrids

CPU = torch.device("cpu")
EACH_STEP = Intervals(save_every=2, log_every=1, sample_every=1)


def trained_state(run: Run, images: Images, said: list[str] | None = None) -> tuple[str, bytes]:
    """The digest of the last checkpoint and metrics.jsonl after training with a sample at every step."""
    train(run, images, CPU, EACH_STEP, Callbacks(log=(said if said is not None else []).append))
    saved = checkpoint.load(run.checkpoint(run.steps))
    return checkpoint.digest(saved.parts["method"]), run.metrics_file.read_bytes()


def test_rows_with_fewer_images_are_filled_with_white(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    unequal = replace(images, samples={"A": images.a[:3, :, :8, :8], "B": images.b[:1, :, :8, :8]})
    said: list[str] = []
    train(run, unequal, CPU, EACH_STEP, Callbacks(log=said.append))
    grid = to_tensor(read_image(run.sample_file(8)))
    assert grid.shape == (3, 4 * 8, 3 * 8)  # sources and outputs of A2B, then of B2A
    assert grid[:, :8].equal(torch.cat(list(unequal.samples["A"]), dim=2))
    assert grid[:, 16:24, :8].equal(unequal.samples["B"][0])
    assert (grid[:, 16:, 8:] == 255).all()
    assert said == []


def test_tensorboard_shows_the_grid_of_each_sampled_step(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    train(run, images, CPU, replace(EACH_STEP, sample_every=4))
    shown = pictures_in_tensorboard(run)
    assert {(name, step) for name, step, _ in shown} == {("samples", 4), ("samples", 8)}
    for _, step, picture in shown:
        assert np.array_equal(picture, np.asarray(read_image(run.sample_file(step))))


def test_tensorboard_shows_attention_maps_over_what_they_were_computed_on(
    make_run: Callable[..., Run], images: Images, toy: type[Toy], monkeypatch: pytest.MonkeyPatch
) -> None:
    corner = torch.zeros(2, 1, 4, 4)
    corner[:, :, 0, 0] = 1
    monkeypatch.setattr(toy, "attention", lambda _method, _x, _direction: {"generator": corner, "local": corner})
    monkeypatch.setattr(toy, "output_maps", ("local",))
    run = make_run()
    train(run, images, CPU, replace(EACH_STEP, sample_every=8))
    shown = {name: picture for name, _, picture in pictures_in_tensorboard(run)}
    maps = {f"attention/{direction}/{name}" for direction in ("A2B", "B2A") for name in ("generator", "local")}
    assert set(shown) == {"samples", *maps}
    grid = to_tensor(read_image(run.sample_file(8)))
    sources, outputs = grid[:, :8], grid[:, 8:16]
    for name, row in (("generator", sources), ("local", outputs)):
        first = overlay(row[:, :, :8], corner[0])
        assert np.array_equal(shown[f"attention/A2B/{name}"][:, :8], first.permute(1, 2, 0).numpy())


def test_a_domain_without_images_has_no_row(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    train(run, replace(images, samples={"A": images.samples["A"], "B": images.b[:0, :, :8, :8]}), CPU, EACH_STEP)
    assert to_tensor(read_image(run.sample_file(8))).shape == (3, 2 * 8, 2 * 8)


def test_a_method_with_a_style_gets_the_same_drawn_styles_in_every_grid(images: Images, tmp_path: Path) -> None:
    grids = SampleGrids(images.samples, ("A2B", "B2A"), [].append)
    method = built()
    for name in ("first", "second"):
        grids.write(tmp_path / f"{name}.png", method)
    grid = to_tensor(read_image(tmp_path / "first.png"))
    styles = draw_styles(3, range(2))[:, 0]
    for row, direction in ((8, "A2B"), (24, "B2A")):
        outputs = to_uint8(method.translate(to_float(images.samples[direction[0]]), direction, styles))
        assert grid[:, row : row + 8].equal(torch.cat(list(outputs), dim=2))
    assert grid.equal(to_tensor(read_image(tmp_path / "second.png")))


@pytest.mark.parametrize("fault", ["method", "shape", "disk"])
def test_a_sample_that_fails_is_reported_once_and_training_goes_on(
    make_run: Callable[..., Run], images: Images, toy: type[Toy], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    expected = trained_state(make_run("whole"), images)
    run = make_run("faulty")
    if fault == "method":

        def translate(method: Toy, x: torch.Tensor, _direction: str, _style: object = None) -> torch.Tensor:
            assert not method.training
            raise ValueError("only square images\nand more of it")

        monkeypatch.setattr(toy, "translate", translate)
    elif fault == "shape":
        monkeypatch.setattr(toy, "translate", lambda _method, x, _direction, _style=None: x[:, :1])
    else:
        run.samples.write_text("a file where the folder belongs")
    said: list[str] = []
    assert trained_state(run, images, said) == expected
    (sentence,) = said
    reason = {"method": "ValueError: only square images", "shape": "RuntimeError: ", "disk": "FileExistsError: "}[fault]
    assert sentence.startswith(f"{run.sample_file(1)} could not be made ({reason}")
    assert sentence.endswith("; training goes on, and further samples that fail are not reported.")


def test_a_method_is_in_training_mode_again_after_a_sample_that_failed(
    make_run: Callable[..., Run], images: Images, toy: type[Toy], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    method = toy(make_run().config.method_config()).train()
    grids = SampleGrids(images.samples, ("A2B",), [].append)
    grids.write(tmp_path / "fine.png", method)
    assert method.training and (tmp_path / "fine.png").exists()
    monkeypatch.setattr(toy, "translate", lambda *_: 1 / 0)
    grids.write(tmp_path / "failed.png", method)
    assert method.training and not (tmp_path / "failed.png").exists()


def pictures_in_tensorboard(run: Run) -> list[tuple[str, int, np.ndarray]]:
    """The images in a run's TensorBoard files: their tags, steps and pixels (h, w, 3)."""
    events = EventAccumulator(str(run.tensorboard), size_guidance={"images": 0})
    events.Reload()
    return [
        (tag, event.step, np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert("RGB")))
        for tag in events.Tags()["images"]
        for event in events.Images(tag)
    ]


TRAIN = ["train", "cyclegan", "--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "2"]
TRAIN += ["--set", "channels=4", "--sample-every", "1"]


def draw(root: Path, **counts: int) -> Path:
    """A data set with this many images of noise in each split."""
    for split, count in counts.items():
        (root / split).mkdir(parents=True)
        for index in range(count):
            noise = torch.randint(
                0, 256, (40, 40, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(index)
            )
            Image.fromarray(noise.numpy()).save(root / split / f"{index}.png")
    return root


def grid_size(home: Path, words: Sequence[str]) -> tuple[int, int]:
    call_in(home, *TRAIN, "--dataset", home / "set", *words)
    (file,) = (home / "results").glob("set/*/*/samples/0000002.png")
    with Image.open(file) as image:
        return image.size


@pytest.mark.parametrize(
    ("counts", "columns"),
    [
        ({"trainA": 5, "trainB": 5, "testA": 3, "testB": 1}, 3),
        ({"trainA": 1, "trainB": 3}, 3),
        ({"trainA": 5, "trainB": 5, "testB": 2}, 4),
    ],
)
def test_domains_of_any_size_are_trained_to_the_end(tmp_path: Path, counts: dict[str, int], columns: int) -> None:
    draw(tmp_path / "set", **counts)
    assert grid_size(tmp_path, []) == (columns * 32, 4 * 32)


def test_an_unreadable_test_image_is_named_and_leaves_the_others(tmp_path: Path) -> None:
    folder = draw(tmp_path / "set", trainA=2, trainB=2, testA=2, testB=2) / "testB"
    (folder / "0.png").write_bytes(b"no image")
    result = call_in(tmp_path, *TRAIN, "--dataset", folder.parent)
    assert "testB/0.png cannot be read and is not shown in samples." in result.stderr
    assert grid_size(tmp_path, []) == (2 * 32, 4 * 32)
