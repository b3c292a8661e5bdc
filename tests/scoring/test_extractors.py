import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from ugbench import registry
from ugbench.errors import UnknownName, WeightsError
from ugbench.metrics import kid
from ugbench.nn.weight_files import digest
from ugbench.scoring.networks.extractors import LoadedExtractor, extract, load_extractor

TORCHVISION = {"alexnet": ("alexnet", 256), "squeezenet": ("squeezenet1_1", 512)}


def pictures(n: int, height: int = 40, width: int = 40) -> Tensor:
    """Noise under a colour of each image's own."""
    generator = torch.Generator().manual_seed(n)
    noise = torch.rand(n, 3, height, width, generator=generator)
    return (255.9 * noise * torch.rand(n, 3, 1, 1, generator=generator)).byte()


@pytest.mark.parametrize("name", TORCHVISION)
def test_features_are_torchvisions_averaged_over_space_after_the_promised_transform(
    name: str, backbone: Callable[[str], Path]
) -> None:
    from torchvision.transforms import v2

    extractor = load_extractor(name, {name: backbone(name)})
    images = pictures(3, 300, 260)
    model = getattr(torchvision.models, TORCHVISION[name][0])(weights=None)
    model.load_state_dict(torch.load(backbone(name), weights_only=True), strict=False)
    transform = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Resize((224, 224), antialias=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    with torch.no_grad():
        wanted = model.features.eval()(transform(images)).mean((2, 3))
    features = extract(extractor, images)
    assert features.dtype == torch.float32 and features.shape == (3, TORCHVISION[name][1])
    assert extractor.dim == features.shape[1] and extractor.comparable
    assert wanted.std() > 0.1
    torch.testing.assert_close(features, wanted, rtol=1e-5, atol=1e-5)


def test_inception_is_torch_fidelitys(inception_file: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    theirs = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=inception_file)
    extractor = load_extractor("inception", {"inception": inception_file})
    images = pictures(3, 64, 64)
    features = extract(extractor, images, batch_size=2)
    assert features.shape == (3, 2048) and extractor.comparable
    assert features.std(0).mean() > 1e-3
    assert extractor.sha256 == digest(theirs.state_dict())
    torch.testing.assert_close(features, theirs(images)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["random", "alexnet", "squeezenet", "inception"])
def test_batch_size_does_not_change_features(name: str, request: pytest.FixtureRequest) -> None:
    if name == "inception":
        weights = {name: request.getfixturevalue("inception_file")}
    else:
        weights = {} if name == "random" else {name: request.getfixturevalue("backbone")(name)}
    extractor = load_extractor(name, weights)
    images = pictures(5)
    whole = extract(extractor, images, batch_size=5)
    assert whole.std(0).max() > 1e-3
    for batch_size in (1, 2):
        torch.testing.assert_close(extract(extractor, images, batch_size), whole, rtol=1e-5, atol=1e-5)


def test_random_needs_no_file_is_the_same_in_every_process_and_compares_with_nothing() -> None:
    code = (
        "import torch; torch.manual_seed(1)\n"
        "from ugbench.scoring.networks.extractors import load_extractor\n"
        "print(load_extractor('random', {}).sha256)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    extractor = load_extractor("random", {})
    assert other.stdout.strip() == extractor.sha256
    assert extractor.sha256 == "2640724fb6b2c8c8b9bef87523c4a41e189bad77ed99bc310e7b2df875f88fe8"  # in stored protocols
    assert not extractor.comparable
    assert extract(extractor, pictures(2)).shape == (2, extractor.dim)


def test_loading_leaves_torchs_generator_as_it_was(backbone: Callable[[str], Path], inception_file: Path) -> None:
    files = {"alexnet": backbone("alexnet"), "inception": inception_file}
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    for name in ("random", "alexnet", "inception"):
        load_extractor(name, files)
    torch.testing.assert_close(torch.rand(4), wanted, rtol=0, atol=0)


def test_both_key_styles_and_the_whole_network_are_the_same_weights(
    backbone: Callable[[str], Path], tmp_path: Path
) -> None:
    state = torch.load(backbone("alexnet"), weights_only=True)
    bare = {key.removeprefix("features."): value for key, value in reversed(state.items())}
    torch.save(bare, tmp_path / "bare.pth")
    torch.save({**state, "classifier.1.weight": torch.zeros(2, 2)}, tmp_path / "whole.pth")
    loaded = [
        load_extractor("alexnet", {"alexnet": path})
        for path in (backbone("alexnet"), tmp_path / "bare.pth", tmp_path / "whole.pth")
    ]
    assert len({extractor.sha256 for extractor in loaded}) == 1
    features = [extract(extractor, pictures(2)) for extractor in loaded]
    assert torch.equal(features[0], features[1]) and torch.equal(features[0], features[2])


@pytest.mark.parametrize("name", sorted(set(registry.modules("extractors")) - {"random"}))
def test_without_weights_the_message_names_the_ways(name: str) -> None:
    with pytest.raises(WeightsError) as caught:
        load_extractor(name, {"other": Path("x")})
    message = str(caught.value)
    assert f"--weights {name}=FILE" in message and "--extractor random" in message
    assert caught.value.exit_code == 2 and "\n" not in message


def test_an_unknown_extractor_is_offered_a_near_name() -> None:
    with pytest.raises(UnknownName, match="did you mean 'alexnet'"):
        load_extractor("alexnett", {})


class Malice:
    """Unpickling it makes the folder that UGBENCH_TEST_MARK names."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (os.environ["UGBENCH_TEST_MARK"],)


@pytest.mark.parametrize("name", ["alexnet", "inception"])
@pytest.mark.parametrize("beside", ["alone", "beside good tensors"])
def test_a_file_that_would_run_code_is_refused_and_does_not_run(
    name: str,
    beside: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    mark = tmp_path / "it ran"
    monkeypatch.setenv("UGBENCH_TEST_MARK", str(mark))
    state: dict[str, object] = {}
    if beside != "alone":
        good = (
            request.getfixturevalue("inception_file")
            if name == "inception"
            else request.getfixturevalue("backbone")(name)
        )
        state = torch.load(good, weights_only=True)
    torch.save({**state, "zz": Malice()}, tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match="refused") as caught:
        load_extractor(name, {name: tmp_path / "bad.pth"})
    assert not mark.exists()
    assert str(tmp_path / "bad.pth") in str(caught.value)
    assert "weights_only" not in str(caught.value)


def test_damaged_missing_and_foreign_files_are_refused_in_one_sentence(
    tmp_path: Path, backbone: Callable[[str], Path]
) -> None:
    (tmp_path / "noise.pth").write_bytes(b"nothing of the kind")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "noise.safetensors").write_bytes(b"nothing of the kind")
    whole = backbone("squeezenet").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    torch.save({"state_dict": {"0.weight": torch.zeros(1)}}, tmp_path / "nested.pth")
    torch.save({"0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "few.pth")
    reshaped = torch.load(backbone("alexnet"), weights_only=True)
    torch.save({**reshaped, "features.0.bias": torch.zeros(65)}, tmp_path / "reshaped.pth")
    for file, words in {
        "missing.pth": "there is no such file",
        "noise.pth": "refused",
        "empty.pth": "refused",
        "noise.safetensors": "refused",
        "cut.pth": "refused",
        "list.pth": "no dictionary of tensors",
        "nested.pth": "no dictionary of tensors",
        "few.pth": "lacks 0.bias",
        "reshaped.pth": r"0.bias is \(65,\) and should be \(64,\)",
    }.items():
        with pytest.raises(WeightsError, match=words) as caught:
            load_extractor("alexnet", {"alexnet": tmp_path / file})
        assert f"--weights alexnet={tmp_path / file}" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match="another network"):
        load_extractor("inception", {"inception": backbone("squeezenet")})


def test_safetensors_files_are_read_too(backbone: Callable[[str], Path], tmp_path: Path) -> None:
    save_file(torch.load(backbone("squeezenet"), weights_only=True), tmp_path / "s.safetensors")
    first, second = (
        load_extractor("squeezenet", {"squeezenet": path})
        for path in (backbone("squeezenet"), tmp_path / "s.safetensors")
    )
    assert first.sha256 == second.sha256


def test_an_extractor_takes_bytes_and_nothing_else() -> None:
    extractor: LoadedExtractor = load_extractor("random", {})
    with pytest.raises(ValueError, match="uint8"):
        extractor(torch.rand(1, 3, 8, 8))
    assert extract(extractor, pictures(0)).shape == (0, extractor.dim)


@pytest.mark.parametrize(
    ("name", "file"), [("alexnet", "alexnet-features.pth"), ("squeezenet", "squeezenet1_1-features.pth")]
)
def test_published_weights_tell_cats_from_dogs_and_not_cats_from_cats(name: str, file: str, test_data: Path) -> None:
    extractor = load_extractor(name, {name: test_data / "weights" / file})
    assert extractor.sha256.startswith({"alexnet": "366ba192c3d5", "squeezenet": "a56ad2c2d466"}[name])
    cats, dogs = (
        extract(
            extractor,
            torch.stack(
                [
                    torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)
                    for path in sorted((test_data / "data/cat2dog" / split).iterdir())[:60]
                ]
            ),
        )
        for split in ("testA", "testB")
    )
    apart, alike = kid.compute(cats, dogs), kid.compute(cats[::2], cats[1::2])
    assert apart.se is not None and alike.se is not None
    assert apart.value > 4 * apart.se
    assert abs(alike.value) < 2 * alike.se
