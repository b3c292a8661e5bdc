"""`ugbench eval --metric cmmd`: it is defined on CLIP, whatever --extractor says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import call, call_json
from drawn_images import patches

from ugbench.metrics import cmmd
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor


@pytest.fixture
def words(tmp_path: Path) -> list[Any]:
    """A call that scores 4 outputs against 5 references."""
    for folder, count in (("real", 5), ("fake", 4)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            patches(number + 10 * count, (32, 32)).save(tmp_path / folder / f"{number}.png")
    return ["eval", "--real", tmp_path / "real", "--fake", tmp_path / "fake", "--extractor", "random"]


def test_with_clips_weights_it_is_computed_on_clip_and_the_others_on_the_extractor(
    words: list[Any], clip_file: Path, tmp_path: Path
) -> None:
    records = {r["metric"]: r for r in call_json(*words, "--weights", f"clip={clip_file}")}
    assert list(records) == ["kid", "fid", "cmmd"]
    extractor = load_extractor("clip", {"clip": clip_file})
    fake, real = (features_of(sorted((tmp_path / name).iterdir()), (), extractor) for name in ("fake", "real"))
    record = records["cmmd"]
    assert record["value"] == pytest.approx(cmmd.compute(fake, real).value, rel=1e-3)
    assert record["value"] != pytest.approx(0, abs=1e-3)
    stated = {"name": "clip", "sha256": extractor.sha256, "transform": extractor.transform}
    assert record["protocol"]["extractor"] == stated
    assert (record["comparable"], record["higher_is_better"]) == (True, False)
    assert records["kid"]["protocol"]["extractor"]["name"] == "random"
    assert records["kid"]["comparable"] is False


def test_without_clips_weights_it_is_left_out_and_asking_for_it_says_what_to_give(words: list[Any]) -> None:
    assert [r["metric"] for r in call_json(*words)] == ["kid", "fid"]
    said = call(*words, "--metric", "cmmd", code=2).stderr
    assert "the weights of 'clip' were not found" in said
    assert "give --weights clip=FILE (the safetensors file of a timm model vit_*_clip_*.openai" in said
