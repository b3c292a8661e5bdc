"""Where files of weights are found that `--weights` does not name, and which of them are refused."""

import hashlib
from pathlib import Path

import pytest
import torch

from ugbench.download import RemoteFile
from ugbench.errors import UsageError
from ugbench.scoring.networks import search as searching
from ugbench.scoring.networks.search import search, torch_folder, weights_folder
from ugbench.scoring.networks.sources import all_sources, published_file

DATA = b"the published file"
FILE = RemoteFile("https://example.org/net-1.pth", "net-1.pth", sha256=hashlib.sha256(DATA).hexdigest()[:8])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the three places that are searched; `net` has a published file, and no other name has one."""
    monkeypatch.setenv("UGBENCH_WEIGHTS", str(tmp_path / "mine"))
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(searching, "published_file", {"net": FILE}.get)
    for folder in (tmp_path / "mine", weights_folder(), torch_folder()):
        folder.mkdir(parents=True)
    return tmp_path


def places(home: Path) -> list[Path]:
    """In the order of the search."""
    mine = [home / "mine" / name for name in ("net-1.pth", "net.pth", "net.safetensors")]
    return [*mine, home / "cache" / "weights" / "net-1.pth", home / "torch" / "hub" / "checkpoints" / "net-1.pth"]


def test_the_first_place_with_the_file_wins(home: Path) -> None:
    for path in reversed(places(home)):
        path.write_bytes(DATA)
        assert search(["net"], pytest.fail) == {"net": path}


def test_a_file_that_is_another_is_passed_over_and_named(home: Path) -> None:
    *others, last = places(home)
    for path in others:
        path.write_bytes(b"damaged")
    last.write_bytes(DATA)
    sentences: list[str] = []
    assert search(["net"], sentences.append) == {"net": last}
    digits = hashlib.sha256(b"damaged").hexdigest()[:8]
    reason = f"its SHA-256 begins with {digits}, and that of the published file begins with {FILE.sha256}"
    fix = "replace or remove it, or name it by --weights net=FILE if it is meant."
    assert sentences == [f"{path} is not used for net: {reason}; {fix}" for path in others]


def test_a_file_that_changes_after_it_was_found_is_checked_again(home: Path) -> None:
    path = weights_folder() / "net-1.pth"
    path.write_bytes(DATA)
    assert search(["net"], pytest.fail) == {"net": path}
    path.write_bytes(DATA[::-1])
    assert search(["net"], lambda _sentence: None) == {}


def test_a_name_without_a_published_file_is_found_in_the_users_folder_alone(home: Path) -> None:
    (home / "mine" / "encoder.safetensors").write_bytes(b"any")
    (weights_folder() / "decoder.pth").write_bytes(b"any")
    assert search(["encoder", "decoder"], pytest.fail) == {"encoder": home / "mine" / "encoder.safetensors"}


def test_a_folder_of_weights_that_is_none_is_a_wrong_call(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UGBENCH_WEIGHTS", str(home / "gone"))
    with pytest.raises(UsageError, match=r"UGBENCH_WEIGHTS=.*gone: there is no such folder; correct the variable"):
        search(["net"], pytest.fail)


@pytest.mark.parametrize(
    ("torch_home", "cache"), [(None, None), (None, "/x/cache"), ("/y/torch", "/x/cache"), ("~/t", None)]
)
def test_the_folder_of_torch_is_the_one_that_torch_uses(
    torch_home: str | None, cache: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (("TORCH_HOME", torch_home), ("XDG_CACHE_HOME", cache)):
        monkeypatch.delenv(variable, raising=False)
        if value is not None:
            monkeypatch.setenv(variable, value)
    assert torch_folder() == Path(torch.hub.get_dir()) / "checkpoints"


def test_published_files_are_those_of_the_packages_that_publish_them() -> None:
    from timm import get_pretrained_cfg
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
    from torchvision import models

    files = {name: source.download for name, source in all_sources()[0].items()}
    expected = {
        "inception": URL_INCEPTION_V3,
        "alexnet": models.AlexNet_Weights.IMAGENET1K_V1.url,
        "squeezenet": models.SqueezeNet1_1_Weights.IMAGENET1K_V1.url,
        "vgg": models.VGG16_Weights.IMAGENET1K_V1.url,
        "vgg19": models.VGG19_Weights.IMAGENET1K_V1.url,
    }
    for name, model in (
        ("dino", "vit_base_patch8_224.dino"),
        ("dinov2", "vit_large_patch14_dinov2.lvd142m"),
        ("clip", "vit_large_patch14_clip_quickgelu_336.openai"),
    ):
        config = get_pretrained_cfg(model)
        expected[name] = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
    assert {name: file.address for name, file in files.items() if file is not None} == expected
    for name in ("inception", "alexnet", "squeezenet", "vgg", "vgg19"):
        file = files[name]
        assert file is not None and file.address.endswith(f"/{file.name}")
        assert file.name.endswith(f"-{file.sha256}.pth") and len(file.sha256) == 8
    sizes = {"alexnet": "AlexNet", "squeezenet": "SqueezeNet1_1", "vgg": "VGG16", "vgg19": "VGG19"}
    for name, model in sizes.items():
        weights = getattr(models, f"{model}_Weights").IMAGENET1K_V1
        assert published_file(name).about_mib == weights.meta["_file_size"]  # type: ignore[union-attr]
