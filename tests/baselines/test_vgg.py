"""VGG's convolutions: torchvision's numbers and sizes, the two kinds of inputs, and the resize before them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from baselines._vgg import VGG19_CONV4_4, Convention, Layer, narrowed, resized, vgg, vgg_input
from ugbench.errors import WeightsError
from ugbench.nn.weight_files import part_for

# The places of VGG19's convolutions in torchvision's `features`, with their channels.
VGG19 = {
    **{0: (3, 64), 2: (64, 64)},
    **{5: (64, 128), 7: (128, 128)},
    **{10: (128, 256), 12: (256, 256), 14: (256, 256), 16: (256, 256)},
    **{19: (256, 512), 21: (512, 512), 23: (512, 512), 25: (512, 512)},
}


def weights(seed: int = 0) -> dict[str, Tensor]:
    """A file of VGG19 with random values, as torchvision names them, with more than is needed."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for place, (inputs, outputs) in {**VGG19, 28: (512, 512)}.items():
        std = (2 / (9 * inputs)) ** 0.5
        state[f"features.{place}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=random) * std
        state[f"features.{place}.bias"] = torch.randn(outputs, generator=random) / 10
    return {**state, "classifier.0.weight": torch.zeros(2, 7), "classifier.0.bias": torch.zeros(2)}


def features(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """conv4_4 before its ReLU, plainly."""
    for place in VGG19:
        x = F.conv2d(x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1)
        if place == 25:
            return x
        x = F.relu(x)
        if place in (2, 7, 16):
            x = F.max_pool2d(x, 2)
    raise AssertionError


def test_the_network_of_the_content_loss_is_vgg19_up_to_conv4_4_before_its_relu() -> None:
    state = weights()
    network = vgg(VGG19_CONV4_4)
    network.load_state_dict(part_for(network, state, "--weights vgg19=vgg19.pth"))
    x = torch.randn(2, 3, 20, 33, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        given, expected = network(x), features(state, x)
    assert given.shape == (2, 512, 2, 4)
    assert given.min() < 0
    torch.testing.assert_close(given, expected, rtol=1e-5, atol=1e-5)


def test_it_multiplies_as_often_as_the_authors_network_at_224_and_256_px() -> None:
    with torch.device("meta"):
        network = vgg(VGG19_CONV4_4).requires_grad_(False)
        gigaflops = []
        for side in (224, 256):
            with FlopCounterMode(display=False) as counter:
                network(torch.empty(1, 3, side, side))
            gigaflops.append(round(counter.get_total_flops() / 2e9, 2))
    assert gigaflops == [17.66, 23.06]


def test_weights_of_vgg16_are_refused() -> None:
    state = {key: tensor for key, tensor in weights().items() if not key.startswith("features.16.")}
    with pytest.raises(WeightsError, match=r"holds another network: .*features\.16"), torch.device("meta"):
        part_for(vgg(VGG19_CONV4_4), state, "--weights vgg19=vgg16.pth")


def test_other_vggs_are_lists_of_widths_and_poolings() -> None:
    layers: tuple[Layer, ...] = (8, "pool", 8, "no pool", 16)
    network = vgg(layers, last_relu=True)
    places = {place: module.out_channels for place, module in enumerate(network) if isinstance(module, nn.Conv2d)}
    assert places == {0: 8, 3: 8, 6: 16}  # a pooling that is left out keeps its place
    features = network(torch.randn(1, 3, 8, 8))
    assert features.shape == (1, 16, 4, 4) and features.min() == 0
    assert vgg(layers)(torch.randn(1, 3, 8, 8)).min() < 0


def test_a_narrower_vgg_has_the_same_layers_in_proportion() -> None:
    assert narrowed(VGG19_CONV4_4, 64) == VGG19_CONV4_4
    assert narrowed(VGG19_CONV4_4, 4) == tuple(x if isinstance(x, str) else x // 16 for x in VGG19_CONV4_4)
    assert narrowed((64, "pool", 512), 3) == (3, "pool", 24)


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        # Red 1, green 0.5 and blue 0 of 1, less ImageNet's mean, divided by its standard deviation.
        ("torchvision", [(1 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0 - 0.406) / 0.225]),
        # Blue 0, green 127.5 and red 255, less Caffe's means.
        ("caffe", [-103.939, 127.5 - 116.779, 255 - 123.68]),
    ],
)
def test_a_file_gets_images_as_its_kind_takes_them(convention: Convention, expected: list[float]) -> None:
    image = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    given = vgg_input(image, convention)
    assert given.shape == image.shape
    assert given[1, :, 3, 4].tolist() == pytest.approx(expected, abs=1e-9)


def test_images_are_resized_bilinearly_from_corner_to_corner() -> None:
    image = torch.tensor([[0.0, 2.0, 4.0], [8.0, 10.0, 12.0]]).view(1, 1, 2, 3)
    assert resized(image, 3)[0, 0].tolist() == [[0, 2, 4], [4, 6, 8], [8, 10, 12]]
    assert resized(image, 2)[0, 0].tolist() == [[0, 4], [8, 12]]
    square = torch.rand(1, 3, 4, 4)
    assert resized(square, 4).equal(square)
