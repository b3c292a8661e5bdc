"""What each named protocol does to files, estimators and references, through `ugbench eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call_in as call
from PIL import Image, ImageOps
from torch import Tensor
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from ugbench.data.images import read_image, resize
from ugbench.data.tensors import load_images, to_tensor
from ugbench.metrics import _blocks, _kernel
from ugbench.scoring.networks.extractors import extract, load_extractor

DIAL = "dial:size=48,train=8,test=12"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tool that inverts colours and halves the size: outputs of 24 px against files of 48 px."""
    folder = tmp_path_factory.mktemp("home")
    call(folder, "data", "make", DIAL)
    (folder / "made").mkdir()
    for path in split(folder, "testA"):
        ImageOps.invert(Image.open(path)).resize((24, 24)).save(folder / "made" / path.name)
    call(folder, "import", folder / "made", "--as", "external", "--name", "invert", "--dataset", DIAL)
    return folder


def split(home: Path, name: str) -> list[Path]:
    return sorted((home / "datasets").glob(f"*/{name}/*"))


def scores(home: Path, *words: object) -> dict[str, Any]:
    given = ("eval", "--extractor", "random", "--cache", home / "cache", "--json", *words)
    return {one["metric"]: one for one in json.loads(call(home, *given).stdout)}


def features(files: list[Path], *sizes: tuple[int, str]) -> Tensor:
    """Features of files after these resizes, one file at a time."""
    extractor = load_extractor("random", {})
    images = []
    for file in files:
        picture = read_image(file)
        for size, filter in sizes:
            picture = resize(picture, size, filter)  # type: ignore[arg-type]
        images.append(to_tensor(picture)[None])
    return torch.cat([extract(extractor, image) for image in images])


def kid(fake: Tensor, real: Tensor) -> float:
    return _kernel.unbiased(_kernel.row_sums(fake, real))


@pytest.mark.parametrize(("protocol", "reference"), [("target", "testB"), ("train-reference", "trainB")])
def test_references_go_through_the_transform_that_gave_outputs_their_size(
    home: Path, protocol: str, reference: str
) -> None:
    own = scores(home, "--metric", "kid", "--protocol", protocol)["kid"]
    fake, real = features(sorted((home / "made").iterdir())), load_images(split(home, reference), 24)
    wanted = kid(fake, extract(load_extractor("random", {}), real))
    assert own["value"] == pytest.approx(wanted, rel=1e-4)
    assert (own["protocol"]["name"], own["protocol"]["size"], own["n_real"]) == (protocol, 24, len(real))


def test_authors2019_takes_files_as_they_are_to_the_extractors_size_and_counts_in_blocks(home: Path) -> None:
    own = scores(home, "--protocol", "authors2019")
    assert list(own) == ["kid", "kid_mixed"]
    made = sorted((home / "made").iterdir())
    fake, real, source = (
        features(files, (64, "bilinear")) for files in (made, split(home, "testB"), split(home, "testA"))
    )
    assert own["kid"]["value"] == pytest.approx(_blocks.block_score(fake, real).value, rel=1e-4)
    assert own["kid"]["order_sd"] > 0
    assert own["kid_mixed"]["value"] == pytest.approx(_blocks.mixed_score(fake, real, source).value, rel=1e-4)
    assert own["kid_mixed"]["higher_is_better"] is None  # so that no table marks a best
    assert own["kid"]["protocol"]["to_extractor"] == "64 px pil-bilinear-antialiased"
    # The untouched sources stand beside the mixed value, always.
    rows = json.loads(call(home, "table", "--format", "json", "--metric", "kid_mixed").stdout)["rows"]
    assert {"identity", "invert"} <= {row["method"] for row in rows if row["cells"]}


def test_torch_fidelity_is_that_packages_own_value_of_files_as_they_are(home: Path) -> None:
    own = scores(home, "--protocol", "torch-fidelity", "--kid-subset-size", 8, "--kid-subsets", 20)
    fake, real = features(sorted((home / "made").iterdir())), features(split(home, "testB"))
    wanted = kid_features_to_metric(real, fake, kid_subsets=20, kid_subset_size=8, rng_seed=2020, verbose=False)
    assert own["kid"]["value"] == pytest.approx(wanted[KEY_METRIC_KID_MEAN], abs=1e-6)
    assert own["kid"]["protocol"]["size"] == "as-is"
    refused = call(home, "eval", "--protocol", "torch-fidelity", "--extractor", "random", code=2)
    assert "--kid-subset-size" in refused.stderr


def test_clean_resizes_to_the_extractor_with_an_antialiased_bicubic(home: Path) -> None:
    own = scores(home, "--metric", "kid", "--protocol", "clean")["kid"]
    fake = features(sorted((home / "made").iterdir()), (64, "bicubic"))
    real = features(split(home, "testB"), (24, "bilinear"), (64, "bicubic"))
    assert own["value"] == pytest.approx(kid(fake, real), rel=1e-4)


def test_no_two_protocols_share_an_id_or_a_column(home: Path) -> None:
    words = ("target", "train-reference", "authors2019", "clean")
    ids = {name: scores(home, "--metric", "kid", "--protocol", name)["kid"]["protocol_id"] for name in words}
    assert len(set(ids.values())) == len(words)
    table = json.loads(call(home, "table", "--format", "json", "--metric", "kid").stdout)
    assert set(ids.values()) <= set(table["protocols"])
    cells = next(row for row in table["rows"] if row["method"] == "invert")["cells"]
    assert {f"kid@{one}" for one in ids.values()} <= set(cells)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--protocol", "authors2018"], "did you mean 'authors2019'"),
        (["--protocol", "target", "--reference", "train"], "and train-reference with the train images"),
        (["--protocol", "clean", "--metric", "lpips"], "metrics on features"),
        (
            ["--protocol", "authors2019", "--kid-subset-size", "5", "--kid-subsets", "5"],
            "but this protocol uses blocks",
        ),
    ],
)
def test_what_does_not_go_together_is_one_sentence(words: list[str], message: str, home: Path) -> None:
    refused = call(home, "eval", "--extractor", "random", *words, code=2)
    assert message in refused.stderr
    assert refused.stderr.count("error: ") == 1 and refused.stderr.splitlines()[-1].startswith("error: ")
