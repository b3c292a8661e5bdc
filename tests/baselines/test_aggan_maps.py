"""The attention maps of AGGAN are maps like those of any method: in files, scores, figures, tables and samples."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import call, call_in
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ugbench.data.overlay import overlay
from ugbench.data.tensors import load_images
from ugbench.figures import attention, cam_mass
from ugbench.figures._context import FigureContext
from ugbench.inference import translate
from ugbench.inference.attention import attention_maps
from ugbench.metrics import cam_mass as cam_mass_metric
from ugbench.runs.run import Run, dataset_of, find_run
from ugbench.runs.stored_maps import read_maps

CPU = torch.device("cpu")
TINY = "channels=4,attention_channels=4,discriminator_channels=4,blocks=1"


@dataclass(frozen=True)
class Home:
    """A folder with an AGGAN that was trained for two steps."""

    folder: Path
    run: Run

    def call(self, *words: object) -> str:
        return call(*words, "--results", self.folder / "results", "--device", "cpu").stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    words = ["--dataset", "dial:size=32,train=6,test=3", "--preset", "smoke", "--size", "32", "--batch-size", "1"]
    trained = call_in(folder, "train", "aggan", *words, "--steps", "2", "--sample-every", "1", "--set", TINY, "--json")
    home = Home(folder, find_run(json.loads(trained.stdout)["id"], folder / "results"))
    home.call("eval", home.run.id, "--metric", "cam_mass")
    return home


def test_translate_draws_the_map_over_each_input(home: Home, tmp_path: Path) -> None:
    (source,) = dataset_of(home.run).split("testB")[:1]
    words = ["--input", source, "--output", tmp_path / "out", "--direction", "B2A", "--attention"]
    home.call("translate", home.run.id, *words)
    assert sorted(file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.png")) == [
        source.name,
        f"attention/{source.name}",
    ]
    method, _ = translate.load(home.run, CPU, None, all_networks=True)
    image = load_images([source], 32)
    (maps,) = attention_maps(method, image, "B2A")
    drawn = np.asarray(Image.open(tmp_path / "out" / "attention" / source.name))
    np.testing.assert_array_equal(drawn, overlay(image[0], maps["mask"][0]).permute(1, 2, 0).numpy())


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_cam_mass_is_that_of_the_map_that_mixes_the_translation(home: Home, direction: str) -> None:
    lines = (home.run.path / "scores.jsonl").read_text().splitlines()
    (score,) = [record for record in map(json.loads, lines) if record["direction"] == direction]
    maps = read_maps(home.run, direction)  # type: ignore[arg-type]
    assert maps is not None and list(maps.maps) == ["mask"] and maps.attended == {"mask"}
    dataset = dataset_of(home.run)
    sources, truth = (load_images(dataset.split(f"test{domain}"), 32) for domain in (direction[0], direction[2]))
    method, _ = translate.load(home.run, CPU, None, all_networks=True)
    with torch.no_grad():
        soft = method.get_submodule(f"attention_{direction[0].lower()}")(sources / 127.5 - 1)
    torch.testing.assert_close(maps.maps["mask"], soft, rtol=0, atol=1e-5)
    assert score["metric"] == "cam_mass"
    assert score["value"] == pytest.approx(cam_mass_metric.compute(soft, sources, truth).value, rel=1e-4)


def test_figures_of_attention_and_of_its_mass_show_the_map(home: Home) -> None:
    context = FigureContext(home.folder / "results", [home.run])
    headings = [text.get_text() for text in attention.draw(context).texts]
    assert any(heading.replace("\n", " ").startswith("attention of aggan") for heading in headings)
    (legend,) = cam_mass.draw(context).legends
    assert legend.get_texts()[0].get_text() == "mask"


def test_a_table_has_a_column_of_its_mass(home: Home) -> None:
    home.call("eval", home.run.id, "--metric", "changed")
    assert "CAM mass, mask" in home.call("table", "--columns", "maps", "--format", "md")


def test_tensorboard_shows_the_map_of_each_direction(home: Home) -> None:
    events = EventAccumulator(str(home.run.path / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert {"samples", "attention/A2B/mask", "attention/B2A/mask"} <= set(events.Tags()["images"])
