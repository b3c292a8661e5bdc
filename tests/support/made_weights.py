"""Files of weights with the right keys and shapes, for tests of the extractors' plumbing: no score means anything."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

MODELS = {"alexnet": "alexnet", "squeezenet": "squeezenet1_1"}


def some_state(network: nn.Module) -> dict[str, Tensor]:
    """Weights of a size that keeps activations alive, and running variances above 0."""
    generator = torch.Generator().manual_seed(5)
    state = {}
    for key, value in network.state_dict().items():
        fan = max(1, value[0].numel()) if value.ndim > 1 else 1
        if not value.is_floating_point():
            state[key] = value
        elif key.endswith("running_var") or (key.endswith("weight") and value.ndim == 1):
            state[key] = 0.5 + torch.rand(value.shape, generator=generator)
        else:
            state[key] = torch.randn(value.shape, generator=generator) * (2 / fan) ** 0.5
            state[key] *= 1.0 if value.ndim > 1 else 0.1
    return state


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A file of some weights for a torchvision network's `features`, keys as `features.0.weight`."""
    folder = tmp_path_factory.mktemp("backbones")

    def file(name: str) -> Path:
        path: Path = folder / f"{name}.pth"
        if not path.exists():
            with torch.device("meta"):
                whole = getattr(torchvision.models, MODELS[name])(weights=None).features
            features = whole.to_empty(device="cpu")
            torch.save({f"features.{key}": value for key, value in some_state(features).items()}, path)
        return path

    return file


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """timm's file of OpenAI's CLIP ViT-B/32 with some weights: embeddings of 512 numbers."""
    model = timm.create_model("vit_base_patch32_clip_quickgelu_224", pretrained=False, num_classes=512)
    path = tmp_path_factory.mktemp("clip") / "clip.safetensors"
    save_file(some_state(model), path)
    yield path
    path.unlink()  # a third of a gigabyte


@pytest.fixture(scope="session")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the keys and shapes of torch-fidelity's Inception, and some weights."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Unloaded(FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, *args: object, **kwargs: object) -> None:
            pass

    path = tmp_path_factory.mktemp("inception") / "inception.pth"
    torch.save({}, path)
    network = Unloaded("inception-v3-compat", ["2048"], feature_extractor_weights_path=path)
    state = some_state(network)
    network.eval()
    nn.Module.load_state_dict(network, state)
    noise = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        level = float(network(noise)[0].mean())
    for key in state:  # the last layers: features as large as published weights give, 0.4 on average
        if re.fullmatch(r"Mixed_7c\.branch(1x1|3x3_2a|3x3_2b|3x3dbl_3a|3x3dbl_3b|_pool)\.bn\.(weight|bias)", key):
            state[key] *= 0.4 / level
    torch.save(state, path)
    return path
