from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import Tensor

from ugbench.errors import UnknownName, UsageError, WeightsError
from ugbench.scoring.networks.extractors import load_extractor
from ugbench.scoring.networks.perceptual import PerceptualDistance, load_lpips, pair_distances

FILES = {
    "alex": ("alexnet", "alexnet-features.pth"),
    "squeeze": ("squeezenet", "squeezenet1_1-features.pth"),
}
# Outputs of the layers that LPIPS compares, by their place in torchvision's `features`.
TAPS = {"alex": (1, 4, 7, 9, 11), "squeeze": (1, 4, 7, 9, 10, 11, 12)}
MODELS = {"alex": "alexnet", "squeeze": "squeezenet1_1"}


def file(net: str, test_data: Path) -> dict[str, Path]:
    name, path = FILES[net]
    return {name: test_data / "weights" / path}


def by_hand(net: str, test_data: Path, first: Tensor, second: Tensor) -> Tensor:
    """LPIPS as its paper has it (eq. 1), from torchvision's network and the package's linear weights."""
    import lpips

    features = getattr(torchvision.models, MODELS[net])(weights=None).features.eval()
    state = torch.load(file(net, test_data)[FILES[net][0]], weights_only=True)
    features.load_state_dict({key.removeprefix("features."): value for key, value in state.items()})
    file_of_linear = Path(lpips.__file__).parent / f"weights/v0.1/{net}.pth"
    linear = torch.load(file_of_linear, map_location="cpu", weights_only=True)
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
    x, y = (first - shift) / scale, (second - shift) / scale
    total = torch.zeros(len(first))
    with torch.no_grad():
        for index, layer in enumerate(features):
            x, y = layer(x), layer(y)
            if index in TAPS[net]:
                weight = linear[f"lin{TAPS[net].index(index)}.model.1.weight"]
                gap = (torch.nn.functional.normalize(x) - torch.nn.functional.normalize(y)).square()
                total += (weight * gap).sum(1).mean((1, 2))
    return total


@pytest.mark.parametrize("net", FILES)
@pytest.mark.parametrize("size", [64, 100])
def test_the_distance_is_the_papers_formula_at_the_images_own_size(net: str, size: int, test_data: Path) -> None:
    paths = sorted((test_data / "data/cat2dog/testA").iterdir())[:4]
    images = torch.stack(
        [torch.from_numpy(np.array(Image.open(path).resize((size, size)))).permute(2, 0, 1) for path in paths]
    )
    first, second = images[:2].float() / 127.5 - 1, images[2:].float() / 127.5 - 1
    found = load_lpips(net, file(net, test_data)).distance(first, second)
    assert found.shape == (2,) and found.min() > 0.05
    torch.testing.assert_close(found, by_hand(net, test_data, first, second), rtol=1e-4, atol=1e-6)


def test_the_pair_of_torchmetrics_docstring_has_the_distances_printed_there(test_data: Path) -> None:
    # LearnedPerceptualImagePatchSimilarity(net_type="squeeze", reduction="none")
    generator = torch.Generator().manual_seed(42)
    first, second = (2 * torch.rand(2, 3, 100, 100, generator=generator) - 1 for _ in range(2))
    found = load_lpips("squeeze", file("squeeze", test_data)).distance(first, second)
    torch.testing.assert_close(found, torch.tensor([0.1024, 0.0938]), rtol=0, atol=5e-5)


@pytest.mark.parametrize("net", FILES)
def test_a_pair_of_equals_is_at_zero_and_its_batch_does_not_matter(net: str, test_data: Path) -> None:
    images = 2 * torch.rand(3, 3, 48, 48, generator=torch.Generator().manual_seed(0)) - 1
    distance = load_lpips(net, file(net, test_data)).distance
    assert distance(images, images).tolist() == [0, 0, 0]
    whole = distance(images, images.flip(0))
    assert whole[0] > 0.01
    torch.testing.assert_close(distance(images[:1], images[2:]), whole[:1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("net", FILES)
def test_one_file_has_one_digest_as_extractor_and_as_backbone(net: str, test_data: Path) -> None:
    weights = file(net, test_data)
    perceptual = load_lpips(net, weights)
    assert perceptual.sha256 == load_extractor(FILES[net][0], weights).sha256
    assert (perceptual.net, perceptual.version) == (net, "0.1")


@pytest.mark.parametrize(("net", "smallest"), [("alex", 31), ("squeeze", 17)])
def test_images_too_small_for_the_net_are_refused_in_words(net: str, smallest: int, test_data: Path) -> None:
    distance = load_lpips(net, file(net, test_data)).distance
    assert torch.isfinite(distance(torch.zeros(1, 3, smallest, smallest), torch.ones(1, 3, smallest, smallest)))
    with pytest.raises(UsageError, match=f"needs {smallest} px"):
        distance(torch.zeros(1, 3, 64, smallest - 1), torch.ones(1, 3, 64, smallest - 1))


def test_loading_leaves_torchs_generator_as_it_was(test_data: Path) -> None:
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    load_lpips("alex", file("alex", test_data))
    assert torch.equal(torch.rand(4), wanted)


@pytest.mark.parametrize(("net", "name"), [("alex", "alexnet"), ("squeeze", "squeezenet"), ("vgg", "vgg")])
def test_without_weights_the_message_names_the_ways(net: str, name: str) -> None:
    with pytest.raises(WeightsError, match=f"--weights {name}=FILE.*--lpips-net"):
        load_lpips(net, {})


def test_weights_of_another_network_and_unknown_nets_are_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "few.pth")
    with pytest.raises(WeightsError, match=r"lacks 0\.bias"):
        load_lpips("alex", {"alexnet": tmp_path / "few.pth"})
    with pytest.raises(UnknownName, match="did you mean 'alex'"):
        load_lpips("alexnet", {})


def test_vggs_backbone_is_filled_whole(tmp_path: Path) -> None:
    with torch.device("meta"):
        features = torchvision.models.vgg16(weights=None).features.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    state = {
        f"features.{key}": 0.05 * torch.randn(value.shape, generator=generator)
        for key, value in features.state_dict().items()
    }
    torch.save(state, tmp_path / "vgg.pth")
    perceptual = load_lpips("vgg", {"vgg": tmp_path / "vgg.pth"})
    images = 2 * torch.rand(2, 3, 16, 16, generator=generator) - 1
    assert perceptual.distance(images, images.flip(0))[0] > 0
    state["features.0.bias"] += 1
    torch.save(state, tmp_path / "other.pth")
    assert load_lpips("vgg", {"vgg": tmp_path / "other.pth"}).sha256 != perceptual.sha256


def gap(first: Tensor, second: Tensor) -> Tensor:
    """A distance whose values can be told by hand."""
    assert first.dtype == torch.float32
    return (first - second).abs().mean((1, 2, 3))


def flat(path: Path, level: int, size: tuple[int, int] = (30, 20)) -> Path:
    Image.new("RGB", size, (level, level, level)).save(path)
    return path


def test_files_reach_the_distance_pair_by_pair_at_the_asked_size(tmp_path: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def watch(first: Tensor, second: Tensor) -> Tensor:
        seen.append(tuple(first.shape))
        return gap(first, second)

    sources = [flat(tmp_path / f"s{level}.png", 0) for level in (0, 51, 255)]
    outputs = [flat(tmp_path / f"o{level}.png", level, (60, 40)) for level in (0, 51, 255)]
    found = pair_distances(PerceptualDistance("by hand", "", "", watch), sources, outputs, (30, 20), batch_size=2)
    # From -1, on the scale from -1 to 1.
    torch.testing.assert_close(found, torch.tensor([0.0, 0.4, 2.0]))
    assert seen == [(2, 3, 20, 30), (1, 3, 20, 30)]


def test_outputs_that_are_no_pairs_with_sources_are_refused(tmp_path: Path) -> None:
    one = flat(tmp_path / "one.png", 0)
    with pytest.raises(UsageError, match="1 sources and 2 outputs"):
        pair_distances(PerceptualDistance("by hand", "", "", gap), [one], [one, one], 8)
