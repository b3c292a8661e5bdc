"""Protocol ids are stored in score records, so they must never change for a protocol that exists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from ugbench.data.fitting import Transform
from ugbench.fit import FITS
from ugbench.image_size import Size
from ugbench.scoring.networks.extractors import LoadedExtractor
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.networks.perceptual import PerceptualDistance
from ugbench.scoring.protocols import find_protocol, protocol_id, rule_of
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import EvalRequest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
FILES = sorted(REFERENCE.rglob("scores.jsonl"))


def request(name: str, extractor: LoadedExtractor, distance: PerceptualDistance) -> EvalRequest:
    networks = Networks(extractor.name, distance.net, {}, torch.device("cpu"))
    networks.__dict__.update(extractor=extractor, lpips=distance, structure=distance)  # instead of loading weights
    return EvalRequest((), networks, find_protocol(name))


def fixed(name: str) -> EvalRequest:
    extractor = LoadedExtractor("alexnet", 256, 224, "ab" * 32, True, "224 px", nn.Identity())
    return request(name, extractor, PerceptualDistance("alex", "cd" * 32, "0.1", lambda first, _second: first))


@pytest.mark.parametrize(
    ("metric", "name", "size", "expected"),
    [
        ("kid", "target", 64, "db6297fff78b"),
        ("kid", "target", (40, 30), "e1de6c6fca36"),
        ("kid", "train-reference", 64, "332f19b9f69c"),
        ("kid", "authors2019", 64, "3c09261800b8"),
        ("kid", "torch-fidelity", 64, "cec0b263b38a"),
        ("kid", "clean", 64, "93a117ec9b44"),
        ("kid_mixed", "authors2019", 64, "573da8633721"),
        ("fid", "clean", (40, 30), "c4c37f0b5c3e"),
        ("precision", "target", 64, "8749c6d40311"),
        ("recall", "train-reference", 64, "48f4927f0d34"),
        ("density", "target", 64, "21d155d688f5"),
        ("coverage", "target", (40, 30), "8178886ed9d6"),
        ("lpips", "target", 64, "cc7233567969"),
        ("lpips", "train-reference", 64, "5e52322e1265"),
        ("structure", "target", 64, "06359458b076"),
        ("cam_mass", "target", 64, "de1700b0ccdc"),
        ("changed", "target", 64, "a49248c0c010"),
        ("changed", "train-reference", 64, "8e88f9895a2f"),
        ("unchanged", "target", 64, "d6ad9d8251f4"),
        ("iou", "target", (40, 30), "73556755a9e6"),
    ],
)
def test_a_run_s_scores_keep_their_protocol_id(metric: str, name: str, size: Size, expected: str) -> None:
    assert protocol_id(fixed(name).protocol_of(metric, size)) == expected


def test_the_fit_is_part_of_a_protocol_where_images_are_transformed_and_not_squashed() -> None:
    target, as_is = fixed("target"), fixed("authors2019")
    squashed = target.protocol_of("kid", Transform(64))
    assert squashed == target.protocol_of("kid", 64)
    for fit in ("crop", "pad"):
        assert target.protocol_of("kid", Transform(64, fit)) == {**squashed, "fit": fit}
        assert as_is.protocol_of("kid", Transform(64, fit)) == as_is.protocol_of("kid", 64)
    ids = {protocol_id(target.protocol_of("kid", Transform(64, fit))) for fit in FITS}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("metric", "size", "expected"),
    [
        ("kid", None, "245616a20baa"),
        ("fid", None, "c207c7c507b3"),
        ("lpips", None, "a62797baf2c3"),  # of older records, which state no size
        ("lpips", 256, "1531861f626c"),
        ("lpips", (40, 30), "872c9b4b26b7"),
    ],
)
def test_scores_of_folders_keep_their_protocol_id(metric: str, size: Size | None, expected: str) -> None:
    assert protocol_id(fixed("target").protocol_of(metric, size, "as-is")) == expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REFERENCE).parent))
def test_the_records_in_docs_have_the_protocols_that_would_be_made_today(file: Path) -> None:
    for line in file.read_text(encoding="utf-8").splitlines():
        record = ScoreRecord.model_validate(json.loads(line))
        extractor = record.protocol.get("extractor", {"name": "alexnet", "sha256": "", "transform": ""})
        distance = record.protocol.get("perceptual", {"net": "alex", "sha256": "", "version": ""})
        made = request(
            record.protocol["name"],
            LoadedExtractor(
                extractor["name"], 256, 224, extractor["sha256"], True, extractor["transform"], nn.Identity()
            ),
            PerceptualDistance(distance["net"], distance["sha256"], distance["version"], lambda first, _second: first),
        ).protocol_of(record.metric, record.protocol["size"], record.protocol["format"])
        assert json.dumps(made) == json.dumps(rule_of(record.protocol))
        assert protocol_id(made) == record.protocol_id
