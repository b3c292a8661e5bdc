"""Metrics name their inputs; the registry of inputs decides what a metric requires and loads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image
from torch import Tensor

from ugbench import registry
from ugbench.data.image_set import all_of
from ugbench.errors import DataError, UnknownName, UsageError
from ugbench.metric import Metric, Score
from ugbench.scoring import inputs
from ugbench.scoring.folders import PlainFolders, score_folders
from ugbench.scoring.inputs import INPUTS, Input, inputs_of, networks_of, requirements
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.request import EvalRequest
from ugbench.scoring.scored_images import ScoredImages


def request(*metrics: str) -> EvalRequest:
    return EvalRequest(metrics, Networks("random", "alex", {}, torch.device("cpu")))


def draw(folder: Path, **levels: int) -> Path:
    folder.mkdir()
    for stem, level in levels.items():
        Image.new("RGB", (8, 8), (level, level, level)).save(folder / f"{stem}.png")
    return folder


@pytest.mark.parametrize("name", sorted(registry.modules("metrics")))
def test_every_metric_names_inputs_that_exist(name: str) -> None:
    assert len(inputs_of(registry.load_metric(name))) >= 1


def test_a_metric_requires_what_its_inputs_require_together() -> None:
    metric = Metric("x", Score, ("source_features", "reference_features", "lpips_distances"), None)
    assert requirements(metric) == {"sources", "references", "pairs"}
    assert networks_of(metric) == {"extractor", "lpips"}


def test_an_unknown_input_is_named_with_a_near_one() -> None:
    metric = Metric("Blur", Score, ("output_feature",), None)
    with pytest.raises(UnknownName, match=r"needs of Blur.*did you mean 'output_features'"):
        inputs_of(metric)


def test_needs_without_its_comma_is_refused() -> None:
    with pytest.raises(TypeError, match=r"write needs=\('output_images',\)"):
        Metric("x", Score, "output_images", None)  # type: ignore[arg-type]


@pytest.fixture
def with_metric(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One new metric and one new input, as a file of each would bring them."""

    def compute(output: Tensor, edges: list[str], source: Tensor) -> Score:
        return Score(float(output.float().mean()) - float(source.float().mean()) + len(edges))

    module = ModuleType("edges")
    module.METRIC = Metric("Edges", compute, ("output_tensor", "edge_maps", "source_tensor"), None)  # type: ignore[attr-defined]
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda group, name: module if name == "edges" else load(group, name))
    known: Mapping[str, Input] = {**INPUTS, "edge_maps": Input(lambda images: [path.stem for path in images.outputs])}
    monkeypatch.setattr(inputs, "INPUTS", known)
    yield


@pytest.mark.usefixtures("with_metric")
def test_one_metric_and_one_input_are_enough_for_a_new_kind_of_metric(tmp_path: Path) -> None:
    real, fake = draw(tmp_path / "real", a=0), draw(tmp_path / "fake", a=10, b=30)
    source = draw(tmp_path / "source", b=2, a=0, c=255)
    (record,) = score_folders(request("edges"), PlainFolders(real, fake, source))
    assert record.value == 20 - 1 + 2
    assert (record.n_fake, record.n_real, record.comparable) == (2, 2, True)
    assert {"extractor", "perceptual", "reference"} & record.protocol.keys() == set()
    with pytest.raises(UsageError, match=r"--metric edges compares outputs with their sources: add --source DIR\."):
        list(score_folders(request("edges"), PlainFolders(real, fake)))


def images(outputs: list[Path], sources: list[Path]) -> ScoredImages:
    return ScoredImages(outputs, sources, lambda: all_of([]), None, "as-is", request().feature_reader())


def test_outputs_are_paired_with_sources_by_stem(tmp_path: Path) -> None:
    outputs, sources = [tmp_path / "b.png", tmp_path / "a.png"], [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    assert images(outputs, sources).source_of_each_output == [tmp_path / "b.jpg", tmp_path / "a.jpg"]
    with pytest.raises(DataError, match=r"c\.png has no source of the same stem"):
        _ = images([*outputs, tmp_path / "c.png"], sources).source_of_each_output
