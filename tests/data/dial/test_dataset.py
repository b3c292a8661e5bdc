from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ugbench.data.datasets import DataSet, open_dataset
from ugbench.data.dial.dataset import draw_split, object_mask, write_dial
from ugbench.data.dial.spec import DialSpec
from ugbench.data.images import read_image
from ugbench.data.splits import SPLITS, Split
from ugbench.data.tensors import load_images, to_tensor

SMALL = DialSpec(size=32, train=3, test=4)


def images(spec: DialSpec, split: Split) -> Tensor:
    return torch.stack(list(draw_split(spec, split)))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    folder = tmp_path_factory.mktemp("dial") / "mine"
    write_dial(SMALL, folder)
    return open_dataset(folder)


def test_splits_have_their_numbers_and_sizes() -> None:
    shapes = {split: tuple(images(SMALL, split).shape) for split in SPLITS}
    assert shapes == {
        "trainA": (3, 3, 32, 32),
        "trainB": (3, 3, 32, 32),
        "testA": (4, 3, 32, 32),
        "testB": (4, 3, 32, 32),
    }


@pytest.mark.parametrize("split", SPLITS)
def test_the_same_spec_gives_the_same_bits_and_image_i_does_not_depend_on_how_many_are_made(
    split: Split,
) -> None:
    first = images(SMALL, split)
    assert images(SMALL, split).equal(first)
    more = images(DialSpec(size=32, train=5, test=6), split)
    assert more[: len(first)].equal(first)
    assert not images(DialSpec(size=32, train=3, test=4, seed=1), split).equal(first)


def test_a_does_not_depend_on_the_settings_of_b() -> None:
    other = DialSpec(shape=0.2, texture=0.3, size=32, train=3, test=4)
    unmoved: tuple[Split, ...] = ("trainA", "testA")
    moved: tuple[Split, ...] = ("trainB", "testB")
    for split in unmoved:
        assert images(other, split).equal(images(SMALL, split))
    for split in moved:
        assert not images(other, split).equal(images(SMALL, split))


def test_no_scene_is_in_two_splits_but_the_tests_are_pairs() -> None:
    plain = DialSpec(shape=0, texture=0, size=32, train=40, test=40)  # B drawn like A shows its scenes
    splits = {split: {image.numpy().tobytes() for image in images(plain, split)} for split in SPLITS}
    assert all(len(images_of_split) == 40 for images_of_split in splits.values())
    assert splits["testA"] == splits["testB"]
    assert not splits["trainA"] & splits["trainB"]
    assert not (splits["trainA"] | splits["trainB"]) & splits["testA"]


def test_what_is_written_is_what_is_rendered(written: DataSet) -> None:
    for split in SPLITS:
        paths = written.split(split)
        assert load_images(paths, 32).equal(images(SMALL, split))
    assert [path.name for path in written.split("testA")] == [f"0000{i}.png" for i in range(4)]
    assert written.dial == SMALL


def test_progress_counts_all_images(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_dial(DialSpec(size=16, train=1, test=2), tmp_path, lambda done, total: seen.append((done, total)))
    assert seen == [(i, 6) for i in range(1, 7)]


def test_tests_come_in_pairs_of_equal_stems(written: DataSet) -> None:
    assert [p.stem for p in written.split("testA")] == [p.stem for p in written.split("testB")]
    assert written.paired and not written.states_pairs


def test_the_mask_is_where_channels_differ_by_half_of_an_objects_chroma() -> None:
    pixels = torch.tensor([[200, 200, 200], [200, 141, 150], [200, 140, 150], [0, 255, 10], [59, 0, 0], [60, 0, 0]])
    image = pixels.to(torch.uint8).T[None, :, None]
    assert object_mask(image).tolist() == [[[False, False, True, True, False, True]]]
    assert object_mask(torch.zeros(2, 3, 5, 7, dtype=torch.uint8)).shape == (2, 5, 7)


def test_files_hold_plain_rgb_of_the_size(written: DataSet) -> None:
    image = read_image(written.split("trainB")[0])
    assert (image.mode, image.size) == ("RGB", (32, 32))
    assert to_tensor(image).equal(images(SMALL, "trainB")[0])


def test_the_two_settings_are_equally_far_apart_in_feature_distance(test_data: Path) -> None:
    """The table in ugbench/data/dial/spec.py, on fewer scenes."""
    distance = relu_distance(test_data / "weights" / "alexnet-features.pth")
    few = {"size": 64, "train": 1, "test": 10}
    a = images(DialSpec(**few), "testA")
    before = 0.0
    for value in (0.5, 1.0):
        shape = distance(a, images(DialSpec(shape=value, texture=0, **few), "testB"))
        texture = distance(a, images(DialSpec(shape=0, texture=value, **few), "testB"))
        assert texture == pytest.approx(shape, rel=0.15)
        assert shape > before + 0.5
        before = shape


def relu_distance(weights: Path) -> Callable[[Tensor, Tensor], float]:
    """LPIPS without its linear weights, written from its description."""
    from torchvision.models import alexnet  # type: ignore[import-untyped]
    from torchvision.transforms import functional  # type: ignore[import-untyped]

    features = alexnet(weights=None).features.eval()
    state = torch.load(weights, weights_only=True)
    features.load_state_dict({name.removeprefix("features."): value for name, value in state.items()})

    @torch.no_grad()
    def layers(images: Tensor) -> list[Tensor]:
        x = functional.resize(images.float() / 255, [224, 224], antialias=True)
        x = functional.normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        outputs = []
        for layer in features:
            x = layer(x)
            if isinstance(layer, torch.nn.ReLU):
                x = x.clone()
                outputs.append(x / x.norm(dim=1, keepdim=True).clamp(min=1e-10))
        return outputs

    def distance(a: Tensor, b: Tensor) -> float:
        pairs = zip(layers(a), layers(b), strict=True)
        return float(sum((p - q).square().sum(1).mean() for p, q in pairs))

    return distance
