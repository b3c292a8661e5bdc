"""Paired differences of runs: kept by eval, claimed by `ugbench differences`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call_in as call
from PIL import Image

from ugbench.analysis import differences
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor
from ugbench.statistics.paired import paired, unpaired

DIAL = "dial:size=32,train=4,test=60"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tools whose outputs are darker by more and more; one lacks an output."""
    folder = tmp_path_factory.mktemp("home")
    call(folder, "data", "make", DIAL)
    for name, share in (("light", 0.95), ("middle", 0.9), ("dark", 0.3)):
        (folder / name).mkdir()
        for path in sorted((folder / "datasets").glob("*/testA/*"))[1 if name == "middle" else 0 :]:
            pixels = np.array(Image.open(path)).astype(float) * share
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / path.name)
        call(folder, "import", folder / name, "--as", "external", "--name", name, "--dataset", DIAL)
    call(folder, "eval", "--metric", "kid", "--extractor", "random", "--cache", folder / "cache")
    return folder


def kept(home: Path) -> dict[frozenset[str], differences.DifferenceRecord]:
    names = {run["id"]: run["method"] for run in json.loads(call(home, "runs", "--json").stdout)}
    return {frozenset((names[one.first], names[one.second])): one for one in differences.read_all(home / "results")}


def test_eval_keeps_the_difference_of_every_pair_on_their_common_sources(home: Path) -> None:
    found = kept(home)
    assert set(found) == {frozenset(pair) for pair in (("light", "middle"), ("light", "dark"), ("middle", "dark"))}
    assert {name: one.n for name, one in found.items()} == {
        frozenset(("light", "middle")): 59,
        frozenset(("light", "dark")): 60,
        frozenset(("middle", "dark")): 59,
    }
    own = found[frozenset(("light", "middle"))]
    extractor, root = load_extractor("random", {}), next((home / "datasets").iterdir())
    light, middle, real = (
        features_of(sorted(folder.iterdir()), (), extractor)
        for folder in (home / "light", home / "middle", root / "testB")
    )
    wanted, apart = paired(light[1:], middle, real), unpaired(light[1:], middle, real)
    sign = 1 if own.first == run_of(home, "light") else -1
    assert sign * own.value == pytest.approx(wanted.value, rel=1e-4)
    assert own.se == pytest.approx(wanted.se, rel=1e-4)
    assert own.unpaired_se == pytest.approx(apart.se, rel=1e-4)
    assert own.se < own.unpaired_se / 2


def run_of(home: Path, name: str) -> str:
    return str(next(r["id"] for r in json.loads(call(home, "runs", "--json").stdout) if r["method"] == name))


def test_a_second_eval_adds_no_difference(home: Path) -> None:
    before = len(differences.read_all(home / "results"))
    call(home, "eval", "--metric", "kid", "--extractor", "random", "--cache", home / "cache")
    assert len(differences.read_all(home / "results")) == before == 3


def claims(home: Path, *words: object) -> list[dict[str, Any]]:
    given = ("differences", "--extractor", "random", "--cache", home / "cache", "--permutations", 199, "--json")
    return list(json.loads(call(home, *given, *words).stdout))


def test_both_claims_are_made_apart_with_holm_over_the_family(home: Path) -> None:
    found = {one["label"]: one for one in claims(home, "--to", "light")}
    assert set(found) == {"middle", "dark"}
    for one in found.values():
        assert one["to"] == "light" and one["direction"] == "A2B"
        assert one["checkpoints"]["adjusted_p"] >= one["checkpoints"]["p_value"]
        assert one["method"]["testable"] is False
        assert one["text"]["method"].startswith("not testable with 1 seed")
    dark = found["dark"]["checkpoints"]
    assert dark["p_value"] == pytest.approx(1 / 200) and dark["adjusted_p"] == pytest.approx(2 / 200)
    assert found["dark"]["text"]["checkpoints"].startswith("these checkpoints differ")
    assert found["middle"]["checkpoints"]["n"] == 59


def test_an_unknown_method_is_one_sentence_with_a_near_name(home: Path) -> None:
    refused = call(home, "differences", "--to", "ligt", "--extractor", "random", code=2)
    assert "did you mean 'light'" in refused.stderr
