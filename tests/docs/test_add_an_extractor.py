"""The extractor on docs/add-an-extractor.md, brought by another distribution, is found and has the right features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from commands import call, call_json
from drawn_images import patches
from made_weights import some_state
from torch import Tensor, nn
from torchvision.transforms import v2

from ugbench import registry
from ugbench.data.tensors import load_images
from ugbench.metrics import kid

PAGE = "add-an-extractor.md"
NAME = "resnet18"


@pytest.fixture
def installed(install: Callable[[str, str], None]) -> None:
    install(PAGE, NAME)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file as torchvision's, with some weights."""
    torch.save(some_state(torchvision.models.resnet18(weights=None)), tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth"


def by_torchvision(folder: Path, weights: Path) -> Tensor:
    """The features of the images of a folder by torchvision alone, (n, 512)."""
    network = torchvision.models.resnet18(weights=None)
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.fc = nn.Identity()
    transform = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Resize((224, 224), antialias=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    with torch.no_grad():
        features: Tensor = network.eval()(transform(load_images(sorted(folder.glob("*.png")), 64)))
    return features


def test_without_its_package_the_extractor_is_unknown() -> None:
    assert NAME not in registry.modules("extractors")


@pytest.mark.usefixtures("installed")
def test_folders_have_the_kid_of_torchvisions_features(tmp_path: Path, weights: Path) -> None:
    for folder, seed in (("real", 0), ("fake", 9)):
        (tmp_path / folder).mkdir()
        for number in range(3):
            patches(seed + number, (64, 64)).save(tmp_path / folder / f"{number}.png")
    words = ["eval", "--real", tmp_path / "real", "--fake", tmp_path / "fake", "--metric", "kid", "--extractor", NAME]
    (record,) = call_json(*words, "--weights", f"{NAME}={weights}")
    fake, real = (by_torchvision(tmp_path / folder, weights) for folder in ("fake", "real"))
    assert fake.shape == (3, 512) and fake.std(0).mean() > 1e-3
    assert record["value"] == pytest.approx(kid.compute(fake, real).value, rel=1e-3)
    assert record["protocol"]["extractor"]["name"] == NAME
    said = call(*words, code=2).stderr
    assert "give --weights resnet18=FILE (torchvision's resnet18-f37072fd.pth), or, for metrics" in said


@pytest.mark.usefixtures("installed")
def test_the_doctor_lists_it_with_its_file() -> None:
    examined = call_json("doctor")
    assert NAME in examined["extractors"]
    assert examined["weights"][NAME]["source"] == "torchvision's resnet18-f37072fd.pth"
