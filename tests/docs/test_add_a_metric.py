"""The metric on docs/add-a-metric.md, brought by another distribution, is found and scores what its page says."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from commands import call, call_json
from PIL import Image

from ugbench import registry
from ugbench.errors import UsageError

PAGE = "add-a-metric.md"
NAME = "histogram_distance"


@pytest.fixture
def installed(install: Callable[[str, str], None]) -> None:
    install(PAGE, NAME)


def test_without_its_package_the_metric_is_unknown() -> None:
    assert NAME not in registry.modules("metrics")


@pytest.mark.usefixtures("installed")
def test_folders_of_two_colours_score_what_their_histograms_share(tmp_path: Path) -> None:
    for folder, colours in (("real", [(0, 0, 0), (0, 0, 1)]), ("fake", [(0, 255, 0), (0, 0, 7)])):
        (tmp_path / folder).mkdir()
        for number, colour in enumerate(colours):
            Image.new("RGB", (8, 8), colour).save(tmp_path / folder / f"{number}.png")
    where = ["--real", tmp_path / "real", "--fake", tmp_path / "fake"]
    (record,) = call_json("eval", *where, "--metric", NAME)
    # Red and blue agree (7 shares a bin with 0), and half of green does not: a sixth.
    assert record["value"] == pytest.approx(1 / 6)
    assert record["protocol"]["settings"] == {"bins": 32}
    assert "extractor" not in record["protocol"]
    assert (record["comparable"], record["higher_is_better"], record["n_fake"], record["n_real"]) == (True, False, 2, 2)


@pytest.mark.usefixtures("installed")
def test_a_run_its_floor_and_its_ceiling_have_the_score(tmp_path: Path) -> None:
    where = ["--results", tmp_path / "results", "--data-root", tmp_path / "data", "--device", "cpu"]
    small = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "1"]
    tiny = ["--set", "channels=4,blocks=1,discriminator_channels=4"]
    call("train", "cyclegan", "--dataset", "dial:size=32,train=4,test=3", *small, *tiny, *where)
    records = call_json("eval", "--metric", NAME, *where)
    assert [(one["metric"], one["direction"]) for one in records] == [(NAME, "A2B"), (NAME, "B2A")]
    assert all(0 < one["value"] <= 1 and one["protocol"]["reference"] == "test" for one in records)
    assert all((one["n_fake"], one["n_real"]) == (3, 3) for one in records)
    assert records == call_json("eval", "--metric", NAME, *where)
    table = call_json("table", "--format", "json", "--results", tmp_path / "results")
    assert {row["method"] for row in table["rows"]} == {"cyclegan", "identity", "real"}


@pytest.mark.usefixtures("installed")
def test_it_keeps_the_rules_that_the_page_shows() -> None:
    result = call("check-metric", NAME)
    page = (Path(__file__).parents[2] / "docs" / PAGE).read_text(encoding="utf-8")
    assert f"$ ugbench check-metric {NAME}\n{result.stdout}{result.stderr}```" in page


@pytest.mark.usefixtures("installed")
def test_the_page_refuses_bins_that_do_not_divide_the_levels() -> None:
    compute = importlib.import_module(NAME).compute
    images = [torch.zeros(3, 4, 4, dtype=torch.uint8)]
    assert compute(images, images, bins=64).value == 0
    with pytest.raises(UsageError, match="bins=33"):
        compute(images, images, bins=33)
