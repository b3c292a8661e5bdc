"""`ugbench eval --metric cam_mass`: attention maps of a run's own weights, kept as numbers beside its outputs."""

from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import call
from PIL import Image

from ugbench.data.overlay import overlay
from ugbench.data.tensors import load_images
from ugbench.errors import RunError
from ugbench.inference import translate
from ugbench.inference.attention import attention_maps
from ugbench.inference.image_files import write_outputs
from ugbench.inference.test_set import make_maps
from ugbench.metrics import cam_mass
from ugbench.runs import stored_maps
from ugbench.runs.run import Run, dataset_of, find_run

SMALL = ["--dataset", "dial:size=32,train=6,test=3", "--preset", "smoke", "--size", "32", "--batch-size", "1"]
TINY = ["--steps", "2", "--save-every", "1", "--keep", "all", "--sample-every", "1000"]
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Home:
    folder: Path
    ids: dict[str, str]

    def eval(self, *words: object) -> list[dict[str, Any]]:
        where = ["--results", self.folder / "results", "--device", "cpu", "--json"]
        return list(json.loads(call("eval", *words, "--metric", "cam_mass", *where).stdout))

    def run(self, label: str) -> Run:
        return find_run(self.ids[label], self.folder / "results")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A U-GAT-IT, variants of it with fewer classifiers, and a CycleGAN."""
    home = Home(tmp_path_factory.mktemp("home"), {})
    where = ["--results", home.folder / "results", "--data-root", home.folder / "data", "--device", "cpu", "--json"]
    for method, variant in (("ugatit", None), ("ugatit", "no-cam"), ("ugatit", "no-gcam"), ("cyclegan", None)):
        options = ["--set", "channels=4,discriminator_channels=4"] if method == "ugatit" else ["--set", "channels=4"]
        words = ["train", method, *SMALL, *TINY, *options, *(["--variant", variant] if variant else []), *where]
        home.ids["-".join(filter(None, (method, variant)))] = json.loads(call(*words).stdout)["id"]
    return home


def expected(run: Run, name: str, direction: Any, step: int) -> float:
    """The score from the run's weights, without anything kept."""
    dataset = dataset_of(run)
    method, _ = translate.load(run, CPU, step, all_networks=True)
    images = load_images(dataset.split("testA" if direction == "A2B" else "testB"), 32)
    (maps,) = attention_maps(method, images, direction, with_features=True)
    truth = load_images(dataset.split("testB" if direction == "A2B" else "testA"), 32)
    return cam_mass.compute(maps[name], images, truth).value


@pytest.mark.parametrize("label", ["ugatit", "ugatit-no-cam", "ugatit-no-gcam"])
def test_the_score_is_of_the_generators_map_with_and_without_attention(home: Home, label: str) -> None:
    records = home.eval(home.ids[label])
    assert [(score["metric"], score["direction"], score["step"]) for score in records] == [
        ("cam_mass", "A2B", 2),
        ("cam_mass", "B2A", 2),
    ]
    for score in records:
        assert score["value"] == pytest.approx(expected(home.run(label), "generator", score["direction"], 2), rel=1e-5)
        assert score["se"] > 0 and score["low"] is None, "three images have no interval"
        assert score["higher_is_better"] is None
        assert (score["n_fake"], score["n_real"]) == (3, 3)
        assert score["protocol"]["settings"] == {"threshold": 2}


def test_kept_maps_are_those_of_the_step_that_was_asked_for(home: Home) -> None:
    label = "ugatit"
    by_step = {score["step"]: score["value"] for score in home.eval(home.ids[label], "--checkpoints", "all")[::2]}
    assert set(by_step) == {1, 2}
    for step, value in by_step.items():
        assert value == pytest.approx(expected(home.run(label), "generator", "A2B", step), rel=1e-5)
    assert by_step[1] != by_step[2]


def test_maps_are_made_once_with_a_note_of_which_are_attention(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = home.run("ugatit-no-gcam")
    first = make_maps(run, dataset_of(run), "A2B", CPU)
    monkeypatch.setattr(translate, "load", None)
    again = make_maps(run, dataset_of(run), "A2B", CPU)
    assert list(again.maps) == list(first.maps) == ["generator", "global", "local"]
    assert again.attended == first.attended == {"global", "local"}
    for name, heat in first.maps.items():
        assert torch.equal(heat, again.maps[name])
    kept = stored_maps.read_maps(run, "A2B")
    assert kept is not None and kept.step == 2


def test_a_run_without_maps_is_named_and_has_no_score(home: Home) -> None:
    where = ["--results", home.folder / "results", "--device", "cpu", "--json"]
    result = call("eval", home.ids["cyclegan"], "--metric", "cam_mass,changed", *where)
    assert {score["metric"] for score in json.loads(result.stdout)} == {"changed"}
    assert f"no cam_mass for run {home.ids['cyclegan']} (cyclegan) A2B: it has no attention maps." in result.stderr


def test_identity_and_real_attend_to_nothing(home: Home) -> None:
    home.eval(home.ids["ugatit"])
    folder = home.run("ugatit").path.parents[1]
    for who in ("identity", "real"):
        file = folder / who / "scores.jsonl"
        assert not file.exists() or "cam_mass" not in file.read_text()


def test_without_a_known_truth_it_is_refused(home: Home, tmp_path: Path) -> None:
    data = home.run("ugatit").config.dataset
    assert data is not None
    folders = ["--real", f"{data.root}/testB", "--fake", f"{data.root}/testA"]
    result = call("eval", *folders, "--metric", "cam_mass", "--device", "cpu", code=2)
    assert "--metric cam_mass needs a dial's known truth" in result.stderr


def test_a_damaged_file_of_maps_is_named(home: Home) -> None:
    run = home.run("ugatit-no-cam")
    make_maps(run, dataset_of(run), "B2A", CPU)
    file = run.maps_file("B2A")
    whole = file.read_bytes()
    file.write_bytes(whole[:40])
    with pytest.raises(RunError, match=r"maps\.safetensors is damaged; remove it"):
        stored_maps.read_maps(run, "B2A")
    file.write_bytes(whole)


@pytest.mark.parametrize("label", ["ugatit", "ugatit-no-gcam"])
def test_overlays_of_discriminators_lie_over_the_translation(home: Home, tmp_path: Path, label: str) -> None:
    run = home.run(label)
    method, _ = translate.load(run, CPU, None, all_networks=True)
    (source,) = dataset_of(run).split("testA")[:1]
    write_outputs(method, [source], tmp_path, "A2B", attention=True)
    image, output = load_images([source], 32), load_images([tmp_path / source.name], 32)
    (maps,) = attention_maps(method, image, "A2B")
    folders_of_maps = {file.parent for file in (tmp_path / "attention").rglob("*.png")}
    assert folders_of_maps == {tmp_path / "attention" / (name if name != "generator" else "") for name in maps}
    for name, heat in maps.items():
        place = tmp_path / "attention" / ("" if name == "generator" else name) / source.name
        under = image[0] if name == "generator" else output[0]
        np.testing.assert_array_equal(
            np.asarray(Image.open(place)), overlay(under, heat[0]).permute(1, 2, 0).numpy(), err_msg=name
        )


def test_what_was_removed_is_made_again_though_the_scores_are_known(home: Home) -> None:
    run = home.run("ugatit")
    known = home.eval(run.id)
    file, image = run.maps_file("A2B"), next((run.path / "outputs/A2B").glob("*.png"))
    first, pixels = stored_maps.read_maps(run, "A2B"), image.read_bytes()
    file.unlink()
    assert home.eval(run.id) == known
    again = stored_maps.read_maps(run, "A2B")
    assert first is not None and again is not None and torch.equal(first.maps["generator"], again.maps["generator"])
    for remove in (image.unlink, lambda: shutil.rmtree(file.parent)):
        remove()
        assert home.eval(run.id) == known
        assert file.exists() and image.read_bytes() == pixels


def test_a_run_that_can_have_no_such_score_alone_is_refused(home: Home) -> None:
    where = ["--results", home.folder / "results", "--device", "cpu"]
    result = call("eval", home.ids["cyclegan"], "--metric", "cam_mass", *where, code=2)
    assert (
        f"error: --metric cam_mass: run {home.ids['cyclegan']} (cyclegan) has no attention maps; name" in result.stderr
    )


def test_data_sets_that_can_have_no_such_score_are_left_out_and_named(home: Home, tmp_path: Path) -> None:
    alike = ["--dataset", "dial:size=32,train=6,test=3,shape=0,texture=0", *SMALL[2:], "--steps", "1"]
    where = ["--results", tmp_path / "results", "--data-root", tmp_path / "data", "--device", "cpu", "--json"]
    tiny = ["--set", "channels=4"]
    placebo = json.loads(call("train", "cyclegan", *alike, *tiny, *where).stdout)["id"]
    other = json.loads(call("train", "cyclegan", *SMALL, *TINY, *tiny, *where).stdout)["id"]
    words = ["eval", "--metric", "changed", *where[:2], *where[4:]]
    result = call(*words)
    assert {score["run"] for score in json.loads(result.stdout)} == {other}
    reason = "the domains of dial-s0-t0-32-train6-test3 are alike, so nothing is to change"
    assert [line for line in result.stderr.splitlines() if " images." not in line] == [f"no changed: {reason}."]
    assert (
        f"error: --metric changed: {reason}; name another metric.\n" in call("eval", placebo, *words[1:], code=2).stderr
    )
    study = ["compare", "--methods", "cyclegan", *alike, "--seeds", "1", "--metric", "changed", *where]
    before = sorted((tmp_path / "results").rglob("config.json"))
    assert reason in call(*study, code=2).stderr
    assert sorted((tmp_path / "results").rglob("config.json")) == before, "it is refused before anything is trained"


def test_two_calls_at_once_make_the_maps_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = home.run("ugatit")
    run.maps_file("A2B").unlink(missing_ok=True)
    dataset, own, calls = dataset_of(run), translate.load, []
    both = threading.Barrier(2)

    def load(*given: Any, **options: Any) -> Any:
        calls.append(given)
        time.sleep(0.2)  # time for the other to come by, if nothing held it
        return own(*given, **options)

    def make() -> stored_maps.AttentionMaps:
        both.wait()
        return make_maps(run, dataset, "A2B", CPU)

    monkeypatch.setattr(translate, "load", load)
    with ThreadPoolExecutor(2) as pool:
        first, other = (done.result() for done in [pool.submit(make), pool.submit(make)])
    assert len(calls) == 1
    assert torch.equal(first.maps["generator"], other.maps["generator"])
