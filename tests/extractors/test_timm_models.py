"""dinov2 and clip: the model of timm that the shapes in the file tell, with its features."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import timm
import torch
from drawn_images import patches
from made_weights import some_state
from safetensors.torch import save_file
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from ugbench.data.tensors import to_tensor
from ugbench.errors import UsageError, WeightsError
from ugbench.extractors import clip, dinov2
from ugbench.nn.weight_files import digest
from ugbench.scoring.networks.extractors import extract, load_extractor

SMALL_CLIP = "vit_base_patch32_clip_quickgelu_224"
SMALL_DINO = "vit_small_patch14_dinov2"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
OPENAI = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])


@pytest.fixture(scope="module")
def dinov2_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """timm's file of the smallest DINOv2 with some weights."""
    path = tmp_path_factory.mktemp("dinov2") / "dinov2.safetensors"
    save_file(some_state(timm.create_model(SMALL_DINO, pretrained=False)), path)
    return path


def images() -> Tensor:
    """Three soft images of 60 x 40 px, uint8."""
    return torch.stack([to_tensor(patches(seed, (60, 40))) for seed in range(3)])


def features_by_timm(
    file: Path,
    architecture: str,
    size: int,
    statistics: tuple[list[float], list[float]],
    filter: str,
    **options: object,
) -> Tensor:
    """The features by calls of timm and torchvision alone."""
    from safetensors.torch import load_file

    model = timm.create_model(architecture, pretrained=False, **options).eval()
    model.load_state_dict(load_file(file))
    transform = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Resize((size, size), InterpolationMode(filter), antialias=True),
            v2.Normalize(*statistics),
        ]
    )
    with torch.no_grad():
        features: Tensor = model(transform(images()))
    return features


def test_clip_is_timms_embedding_after_openais_transform(clip_file: Path) -> None:
    extractor = load_extractor("clip", {"clip": clip_file})
    expected = features_by_timm(clip_file, SMALL_CLIP, 224, OPENAI, "bicubic", num_classes=512)
    assert (extractor.dim, extractor.size, extractor.comparable) == (512, 224, True)
    assert extractor.transform == f"timm {SMALL_CLIP}: 224 px bicubic antialiased, CLIP mean and std"
    assert expected.std(0).mean() > 1e-3
    torch.testing.assert_close(extract(extractor, images()), expected, rtol=1e-4, atol=1e-4)


def test_dinov2_is_timms_class_token_at_224_px(dinov2_file: Path) -> None:
    extractor = load_extractor("dinov2", {"dinov2": dinov2_file})
    expected = features_by_timm(dinov2_file, SMALL_DINO, 224, IMAGENET, "bilinear", dynamic_img_size=True)
    assert (extractor.dim, extractor.size) == (384, 224)
    assert extractor.transform == "224 px bilinear antialiased, ImageNet mean and std"
    assert extractor.sha256 == digest(some_state(timm.create_model(SMALL_DINO, pretrained=False)))
    assert expected.std(0).mean() > 1e-3
    torch.testing.assert_close(extract(extractor, images()), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", [*clip.ARCHITECTURES.values()])
def test_clips_of_openai_are_told_by_their_shapes(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_is_chosen(architecture, "clip", {"num_classes": 768}, monkeypatch)


@pytest.mark.parametrize("registers", ["", "_reg4"])
@pytest.mark.parametrize("model", ["small", "base", "large", "giant"])
def test_models_of_dinov2_are_told_by_their_shapes(model: str, registers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"num_classes": 0, "dynamic_img_size": True}
    assert_is_chosen(f"vit_{model}_patch14{registers}_dinov2", "dinov2", options, monkeypatch)


def assert_is_chosen(
    architecture: str, extractor: str, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extractor asks timm for this architecture, and the tensors fit; all on the meta device."""
    asked = []
    create_model = timm.create_model

    def watched(name: str, **given: object) -> torch.nn.Module:
        asked.append((name, given))
        with torch.device("meta"):
            network: torch.nn.Module = create_model(name, **given)
        return network

    monkeypatch.setattr(timm, "create_model", watched)
    tensors = watched(architecture, pretrained=False, **options).state_dict()
    built = {"clip": clip, "dinov2": dinov2}[extractor].build(tensors)
    assert asked[1] == (architecture, {"pretrained": False, **options})
    shapes = [{name: t.shape for name, t in state.items()} for state in (tensors, built.network.state_dict())]
    assert shapes[0] == shapes[1]
    if extractor == "clip":
        assert built.size == int(architecture.rpartition("_")[2]) and architecture in built.transform


@pytest.mark.parametrize(
    ("name", "tensors", "reason"),
    [
        ("clip", {"pos_embed": torch.zeros(1, 50, 768)}, "it lacks patch_embed.proj.weight"),
        ("dinov2", {"0.weight": torch.zeros(1)}, "it lacks cls_token"),
        ("dinov2", {"cls_token": torch.zeros(1, 1, 7)}, "its tokens have 7 numbers"),
        (
            "clip",
            {
                "pos_embed": torch.zeros(1, 50, 640),
                "patch_embed.proj.weight": torch.zeros(640, 3, 32, 32),
                "norm_pre.weight": torch.zeros(640),
                "head.weight": torch.zeros(512, 640),
            },
            "no vision transformer of OpenAI's CLIP has width 640",
        ),
    ],
)
def test_files_of_other_networks_are_refused(
    name: str, tensors: dict[str, Tensor], reason: str, tmp_path: Path
) -> None:
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=f"other.safetensors holds another network: {reason}.*; it takes the safet"):
        load_extractor(name, {name: tmp_path / "other.safetensors"})


def test_a_file_of_clip_is_refused_by_dinov2(clip_file: Path) -> None:
    with pytest.raises(WeightsError, match="holds another network"):
        load_extractor("dinov2", {"dinov2": clip_file})


@pytest.mark.parametrize("name", ["clip", "dinov2"])
def test_without_timm_the_extra_is_named(
    name: str, clip_file: Path, dinov2_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"clip": clip_file, "dinov2": dinov2_file}[name]
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=rf"the extractor {name} needs the package timm; run `pip install 'ugbench\[f"):
        load_extractor(name, {name: file})
