"""DINO's structure distance against a plain transformer, written from the paper on a file of DINO's names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from ugbench.errors import WeightsError
from ugbench.scoring.folders import PlainFolders, score_folders
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.networks.structure import load_structure
from ugbench.scoring.request import EvalRequest

DIM, HEADS, DEPTH, PATCH, SIDE = 128, 2, 3, 8, 4
MEAN, STD = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]


@pytest.fixture
def state() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * 0.3

    tensors = {
        "cls_token": draw(1, 1, DIM),
        "pos_embed": draw(1, SIDE**2 + 1, DIM),
        "patch_embed.proj.weight": draw(DIM, 3, PATCH, PATCH),
        "patch_embed.proj.bias": draw(DIM),
        "norm.weight": draw(DIM),
        "norm.bias": draw(DIM),
    }
    for index in range(DEPTH):
        for layer, wide, narrow in (
            ("attn.qkv", 3 * DIM, DIM),
            ("attn.proj", DIM, DIM),
            ("mlp.fc1", 200, DIM),
            ("mlp.fc2", DIM, 200),
        ):
            tensors[f"blocks.{index}.{layer}.weight"] = draw(wide, narrow)
            tensors[f"blocks.{index}.{layer}.bias"] = draw(wide)
        for norm in ("norm1", "norm2"):
            tensors[f"blocks.{index}.{norm}.weight"] = 1 + draw(DIM)
            tensors[f"blocks.{index}.{norm}.bias"] = draw(DIM)
    return tensors


@pytest.fixture
def file(state: dict[str, Tensor], tmp_path: Path) -> Path:
    save_file(state, tmp_path / "dino.safetensors")
    return tmp_path / "dino.safetensors"


def plain_similarity(state: dict[str, Tensor], image: Tensor) -> Tensor:
    """Cosines between the last keys of one image (3, 32, 32) in [-1, 1], a head and a token at a time."""

    def layer(x: Tensor, name: str) -> Tensor:
        return x @ state[f"{name}.weight"].double().T + state[f"{name}.bias"].double()

    def norm(x: Tensor, name: str) -> Tensor:
        own = (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + 1e-6).sqrt()
        return own * state[f"{name}.weight"].double() + state[f"{name}.bias"].double()

    pixels = (((image + 1) / 2 - MEAN) / STD).double()
    kernel = state["patch_embed.proj.weight"].double().flatten(1)
    places = [(row, column) for row in range(0, 32, PATCH) for column in range(0, 32, PATCH)]
    patches = [kernel @ pixels[:, r : r + PATCH, c : c + PATCH].flatten() for r, c in places]
    tokens = torch.stack([one + state["patch_embed.proj.bias"].double() for one in patches])
    x = torch.cat([state["cls_token"][0].double(), tokens]) + state["pos_embed"][0].double()
    for index in range(DEPTH):
        name = f"blocks.{index}"
        query, key, value = layer(norm(x, f"{name}.norm1"), f"{name}.attn.qkv").chunk(3, 1)
        if index == DEPTH - 1:
            return torch.stack([torch.stack([F.cosine_similarity(a, b, 0) for b in key]) for a in key])
        heads = zip(query.chunk(HEADS, 1), key.chunk(HEADS, 1), value.chunk(HEADS, 1), strict=True)
        mixed = torch.cat([(q @ k.T / 8).softmax(1) @ v for q, k, v in heads], 1)
        x = x + layer(mixed, f"{name}.attn.proj")
        x = x + layer(F.gelu(layer(norm(x, f"{name}.norm2"), f"{name}.mlp.fc1")), f"{name}.mlp.fc2")
    raise AssertionError


def images(count: int, size: int, seed: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_it_is_the_mean_squared_difference_of_the_plain_self_similarities(state: dict[str, Tensor], file: Path) -> None:
    first, second = images(3, 32, 1), images(3, 32, 2)
    found = load_structure({"dino": file}).distance(first, second)
    pairs = zip(first, second, strict=True)
    wanted = [(plain_similarity(state, a) - plain_similarity(state, b)).square().mean() for a, b in pairs]
    torch.testing.assert_close(found.double(), torch.stack(wanted), rtol=1e-4, atol=1e-7)
    assert found.min() > 1e-3


def test_an_untouched_image_is_at_distance_0_at_any_size(file: Path) -> None:
    same = images(2, 50, 1)
    assert load_structure({"dino": file}).distance(same, same).tolist() == [0.0, 0.0]


def test_images_of_another_size_are_squashed_to_the_networks(file: Path) -> None:
    structure = load_structure({"dino": file})
    large, other = images(1, 64, 1), images(1, 32, 2)
    small = F.interpolate(large, size=(32, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(structure.distance(large, other), structure.distance(small, other))


def test_the_digest_is_of_the_weights_and_the_protocol_says_which_network(state: dict[str, Tensor], file: Path) -> None:
    one = load_structure({"dino": file})
    torch.save(state, file.with_suffix(".pth"))
    assert load_structure({"dino": file.with_suffix(".pth")}).sha256 == one.sha256
    state["blocks.1.mlp.fc1.bias"][0] += 1
    torch.save(state, file.with_suffix(".pth"))
    assert load_structure({"dino": file.with_suffix(".pth")}).sha256 != one.sha256
    assert one.net == "dino ViT 128/8"
    assert one.version == "keys of block 3, 32 px bilinear antialiased, ImageNet mean and std"


@pytest.mark.parametrize("spoilt", ["blocks.0.attn.qkv.weight", "pos_embed", "norm.bias", "patch_embed.proj.weight"])
def test_a_file_of_another_network_is_refused(state: dict[str, Tensor], tmp_path: Path, spoilt: str) -> None:
    del state[spoilt]
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth holds another network"):
        load_structure({"dino": tmp_path / "other.pth"})


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=r"or give --weights dino=FILE .*, or leave structure out"):
        load_structure({})


def test_folders_are_scored_with_their_sources_and_the_network_in_the_protocol(file: Path, tmp_path: Path) -> None:
    pixels: dict[str, Any] = {}
    for seed, name in enumerate(("real", "source", "fake")):
        (tmp_path / name).mkdir()
        for number in range(2):
            pixels[name] = ((images(1, 40, 10 * seed + number)[0] + 1) * 127.5).byte().permute(1, 2, 0).numpy()
            Image.fromarray(pixels[name]).save(tmp_path / name / f"{number}.png")
    wanted = EvalRequest(("structure",), Networks("random", "alex", {"dino": file}, torch.device("cpu")))
    (moved,) = score_folders(wanted, PlainFolders(tmp_path / "real", tmp_path / "fake", tmp_path / "source"))
    (kept,) = score_folders(wanted, PlainFolders(tmp_path / "real", tmp_path / "source", tmp_path / "source"))
    assert kept.value == 0 < moved.value
    assert (moved.n_fake, moved.higher_is_better, moved.comparable) == (2, None, True)
    assert moved.protocol["perceptual"]["sha256"] == load_structure({"dino": file}).sha256
