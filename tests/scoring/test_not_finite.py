"""Features, distances and weights that are not finite are refused by the name of what they belong to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from ugbench.errors import DataError
from ugbench.scoring import cache as feature_cache
from ugbench.scoring.cache import Cache
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import LoadedExtractor, load_extractor
from ugbench.scoring.networks.perceptual import PerceptualDistance, pair_distances

NAN = float("nan")


class BlindToWhite(nn.Module):
    """A network whose features of white images are NaN."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images)
        return features.where(images.amin((1, 2, 3))[:, None] < 255, NAN)


@pytest.fixture
def extractor() -> LoadedExtractor:
    return load_extractor("random", {})


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A black, a grey and a white image."""
    paths = [tmp_path / f"{name}.png" for name in ("black", "grey", "white")]
    for path, level in zip(paths, (0, 100, 255), strict=True):
        Image.new("RGB", (16, 16), (level, level, level)).save(path)
    return paths


@pytest.mark.parametrize("cached", [False, True])
def test_features_that_are_not_finite_are_refused_with_the_image_and_not_stored(
    extractor: LoadedExtractor, files: list[Path], tmp_path: Path, cached: bool
) -> None:
    cache = Cache(tmp_path / "cache") if cached else None
    blind = replace(extractor, network=BlindToWhite(extractor.network))
    with pytest.raises(DataError, match=r"white\.png: its features \(random\) are NaN or infinite; use other weights"):
        features_of(files, (), blind, cache=cache)
    assert torch.isfinite(features_of(files, (), extractor, cache=cache)).all()


def test_features_that_an_older_version_stored_as_nan_are_computed_again(
    extractor: LoadedExtractor, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache")
    expected = features_of(files, (), extractor, cache=cache)
    read = feature_cache.read
    monkeypatch.setattr(
        feature_cache, "read", lambda *arguments: {key: row * NAN for key, row in read(*arguments).items()}
    )
    assert torch.allclose(features_of(files, (), extractor, cache=cache), expected)


def test_a_distance_that_is_not_finite_is_refused_with_the_output(files: list[Path]) -> None:
    blind = PerceptualDistance(
        "alex", "ab", "0.1", lambda _first, second: second.mean((1, 2, 3)).where(second.amin((1, 2, 3)) < 1, NAN)
    )
    black, grey, white = files
    assert torch.isfinite(pair_distances(blind, [white, white], [black, grey], 16)).all()
    with pytest.raises(DataError, match=r"white\.png: its distance to its partner \(alex\) is NaN or infinite"):
        pair_distances(blind, files, [black, grey, white], 16, batch_size=2)
